"""Handing one mail to its SMTP server, and saying truly what is known afterwards.

Up to the final dot nothing was sent, whatever broke. From the dot on until the server's answer it
may have been. An answer settles it.
"""

from __future__ import annotations

import re
import smtplib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db import Error
from django.utils.translation import gettext as _

from channels_inbox import pulling
from channels_inbox.base import Accepted, ConnectError, SendError, SendUnknown
from channels_inbox.email import compose, connections
from channels_inbox.email.config import MailConfig
from channels_inbox.email.outgoing import everybody, prepare
from channels_inbox.models import Account

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.models import Delivery

log = structlog.get_logger(__name__)

ANSWER_SECONDS: Final = 50.0
GREYLISTED_TRIES: Final = 4
# A server that is down over lunch must not fail what eight quick tries would have failed.
PAUSES: Final = tuple(
    timedelta(seconds=seconds) for seconds in (10, 30, 120, 600, 1800, 3600, 7200)
)

_DOT: Final = re.compile(rb"^\.", re.MULTILINE)


def send(delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
    """Raises SendError (surely not sent) or SendUnknown (perhaps sent). From the final dot on
    nothing here asks the database."""
    account = Account.objects.select_related("inbox").get(pk=delivery.inbox_id)
    config = MailConfig.of(account.config)
    if not config.smtp_host:
        raise SendError("no_smtp", _("This inbox has no server to send with."), permanent=True)
    raw = _composed(delivery, config)
    try:
        with connections.smtp(account.inbox, config) as connection:
            pulling.healthy(account.pk, sending=True)
            refused = _hand_over(connection, delivery, raw, handing_over)
    except ConnectError as error:
        pulling.note_error(account.pk, error.code, error.error, sending=True)
        pause = _pause(delivery.attempts)
        raise SendError(
            error.code, error.error, permanent=False, retry_after=pause, away=True
        ) from error
    return Accepted(refused=tuple(refused.items()))


def _composed(delivery: Delivery, config: MailConfig) -> bytes:
    """The mail's bytes. Whatever goes wrong here, nothing was sent."""
    try:
        prepare(delivery)
        return compose.mail_of(delivery, config)
    except (SendError, Error):
        raise
    except Exception as error:
        log.exception("compose_broke", delivery=delivery.pk)
        text = _("The mail could not be written: %s") % type(error).__name__
        raise SendError("compose", text, permanent=False) from error


def _hand_over(
    connection: smtplib.SMTP, delivery: Delivery, raw: bytes, handing_over: Callable[[], None]
) -> dict[str, str]:
    """Returns further recipients the server refuses for good, with its reason."""
    try:
        _expect(connection.mail(delivery.inbox.address, _options(connection, raw)), 250)
        refused = _recipients(connection, delivery)
        _expect(connection.docmd("DATA"), 354)
        connection.send(_DOT.sub(b"..", raw))
    except (OSError, smtplib.SMTPException) as error:
        raise _lost(error) from error
    handing_over()
    _finish(connection)
    return refused


def _recipients(connection: smtplib.SMTP, delivery: Delivery) -> dict[str, str]:
    first, *others = everybody(delivery)
    _expect(connection.rcpt(first), 250, 251)
    refused = {}
    for address in others:
        code, text = connection.rcpt(address)
        if code < 400:
            continue
        if code < 500 and delivery.attempts < GREYLISTED_TRIES:
            raise _answered(code, text)
        refused[address] = _readable(code, text)
    return refused


def _finish(connection: smtplib.SMTP) -> None:
    try:
        if connection.sock is not None:
            connection.sock.settimeout(ANSWER_SECONDS)
        connection.send(b".\r\n")
        answer = connection.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise SendUnknown(
            _("The connection broke before the mail server confirmed. It may have been sent.")
        ) from error
    _expect(answer, 250)


def _expect(answer: tuple[int, bytes], *codes: int) -> None:
    if answer[0] not in codes:
        raise _answered(*answer)


def _answered(code: int, text: bytes) -> SendError:
    """The server's own no: 5xx for good, all else for now."""
    return SendError(f"smtp_{code}", _readable(code, text), permanent=500 <= code < 600)


def _readable(code: int, text: bytes) -> str:
    return f"{code} {' '.join(text.decode('utf-8', 'replace').split())}"[:400]


def _lost(error: Exception) -> SendError:
    return SendError(
        "connection_lost",
        _("The connection to the mail server broke: %s") % (error or type(error).__name__),
        permanent=False,
        away=True,
    )


def _options(connection: smtplib.SMTP, raw: bytes) -> list[str]:
    return [f"SIZE={len(raw)}"] if connection.has_extn("size") else []


def _pause(attempts: int) -> timedelta:
    return PAUSES[min(max(attempts, 1), len(PAUSES)) - 1]
