"""Mail posted to us as raw MIME by a mail server: who may, and what is kept of it."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from channels_inbox import vault
from channels_inbox.base import Raw, Refused
from channels_inbox.receive import digest_key

if TYPE_CHECKING:
    from channels_inbox.calls import Call
    from channels_inbox.models import Account

SECRET: Final = "hook"
TIMESTAMP, SIGNATURE, RECIPIENT = (
    "X-Helpdesk-Timestamp",
    "X-Helpdesk-Signature",
    "X-Helpdesk-Rcpt",
)
TOLERANCE_SECONDS: Final = 300


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The signature a mail server sends: `v1=` and the hex HMAC-SHA256 of `timestamp.body`."""
    message = str(timestamp).encode() + b"." + body
    return f"v1={hmac.digest(secret.encode(), message, 'sha256').hex()}"


def verify(account: Account, call: Call) -> None:
    """Raises Refused unless the body was signed within the last five minutes with our secret, or
    with the one before while that goes on working."""
    try:
        secret = vault.lately(account.inbox, SECRET)
    except vault.MissingSecret:
        raise Refused from None
    timestamp = call.header(TIMESTAMP)
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Refused
    if abs(call.now - int(timestamp)) > TOLERANCE_SECONDS:
        raise Refused
    if _is_signed(call, secret, int(timestamp)):
        return
    before = vault.before(account.inbox, SECRET)
    if before is None or not _is_signed(call, before, int(timestamp)):
        raise Refused


def _is_signed(call: Call, secret: str, timestamp: int) -> bool:
    given = call.header(SIGNATURE).encode("utf-8", "replace")
    return hmac.compare_digest(given, sign(secret, timestamp, call.body).encode())


def raw(call: Call) -> Raw:
    recipient = call.header(RECIPIENT)[:320]
    meta = {"rcpt": recipient} if recipient else {}
    return Raw(source="hook", dedup_key=digest_key(call.body), body=call.body, meta=meta)
