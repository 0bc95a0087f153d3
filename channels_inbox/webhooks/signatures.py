"""Standard Webhooks signatures: how the other side knows that a call is ours, and which; and how we
know that one is theirs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from channels_inbox.base import Refused
from channels_inbox.calls import key_of, must_match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from channels_inbox.calls import Call

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
SECONDS_OFF: Final = 300


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(keys: Sequence[str], name: str, at: int, body: bytes) -> dict[str, str]:
    """`name` is the same at each try of a call, so that the other side takes it once; `at` in
    seconds. Signed with each of the secrets: the other side may know either."""
    signed = b".".join((name.encode(), str(at).encode(), body))
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{_mac(key, signed)}" for key in keys),
    }


def verify(call: Call, secret: str) -> None:
    """Whether the other side signed this call with the secret it shares with us, in the last five
    minutes; it may have signed with several. Raises Refused."""
    key_of(secret)
    name, at = call.header("webhook-id"), call.header("webhook-timestamp")
    if not (name and at.isascii() and at.isdigit() and len(at) < 12):
        raise Refused
    if abs(call.now - int(at)) > SECONDS_OFF:
        raise Refused
    signed = b".".join((name.encode("utf-8", "replace"), at.encode(), call.body))
    mac = hmac.new(_handed(secret), signed, hashlib.sha256).digest()
    right = f"v1,{base64.b64encode(mac).decode()}"
    given = call.header("webhook-signature").split()[:10]
    for one in given[:-1]:
        try:
            return must_match(one, right)
        except Refused:
            continue
    must_match(given[-1] if given else "", right)


def _handed(secret: str) -> bytes:
    """The key in a secret we made; one that was written by hand is a key as it stands."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode("utf-8", "surrogatepass")


def _mac(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
