"""The bytes of a mail of ours: plain text as it was typed, the same as simple HTML, and its files.

No value gets into a header with a line end or NUL in it; the whole has CRLF line ends only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from django.core.files.storage import default_storage
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from channels_inbox.base import SendError
from channels_inbox.email import tokens
from channels_inbox.email.config import MailConfig
from channels_inbox.email.outgoing import everybody, exchanged, ticket_of
from channels_inbox.markup import as_html
from conversations.models import FileState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from conversations.models import Attachment, Delivery, Entry

MAX_QUOTED: Final = 5
_FORBIDDEN: Final = re.compile(r"[\r\n\x00]")
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


class _Names(UnstructuredHeader):
    """Message-IDs: one on each line, never encoded, as the standard folding would do to long
    ones."""

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: " + "\r\n ".join(str(self).split()) + "\r\n"  # type: ignore[attr-defined]


_HEADERS: Final = HeaderRegistry()
for _name in ("message-id", "in-reply-to", "references"):
    _HEADERS.map_to_type(_name, _Names)  # type: ignore[arg-type]
POLICY: Final = policy.SMTP.clone(cte_type="7bit", header_factory=_HEADERS)


@dataclass(frozen=True)
class Quote:
    """An earlier message, for below the reply."""

    who: str
    at: datetime
    text: str


def mail_of(delivery: Delivery, config: MailConfig) -> bytes:
    """Raises SendError for a value that can't be sent and for a file that isn't there (yet)."""
    with translation.override(_language(delivery)):
        message = EmailMessage(policy=POLICY)
        for name, value in _headers(delivery, config):
            _set(message, name, value)
        _write_bodies(message, delivery)
    for attachment in delivery.entry.attachments.order_by("position", "pk"):
        _attach(message, attachment)
    return _LINE_END.sub(b"\r\n", message.as_bytes())


def subject_of(delivery: Delivery) -> str:
    written = str(delivery.payload.get("subject") or "").strip()
    return written or f"Re: {ticket_of(delivery).subject or _('your message')}"


def quotes(delivery: Delivery) -> list[Quote]:
    """The last messages, newest first, that every recipient of this one has had before."""
    if not delivery.payload.get("quote"):
        return []
    readers = {address.lower() for address in everybody(delivery)}
    shared = [entry for entry in exchanged(delivery) if readers <= _people_on(entry)]
    return [_quote(entry) for entry in reversed(shared[-MAX_QUOTED:])]


def _headers(delivery: Delivery, config: MailConfig) -> Iterator[tuple[str, str]]:
    payload, inbox = delivery.payload, delivery.inbox
    yield "From", mailbox(inbox.from_name or inbox.name, inbox.address)
    yield "To", ", ".join(payload["recipients"]["to"])
    if payload["recipients"]["cc"]:
        yield "Cc", ", ".join(payload["recipients"]["cc"])
    if config.plus_addressing:
        token = tokens.make(ticket_of(delivery))
        yield "Reply-To", tokens.plus_address(inbox.address, token)
    yield "Subject", subject_of(delivery)
    yield "Date", format_datetime(delivery.entry.at)
    yield "Message-ID", f"<{payload['message_id']}>"
    if payload["in_reply_to"]:
        yield "In-Reply-To", f"<{payload['in_reply_to']}>"
        yield "References", " ".join(f"<{name}>" for name in payload["references"])
    if delivery.entry.agent_id is None:
        yield "Auto-Submitted", "auto-replied" if payload.get("receipt") else "auto-generated"


def _set(message: EmailMessage, name: str, value: str) -> None:
    if _FORBIDDEN.search(value):
        raise SendError("header", _("The %s can't hold a line end.") % name, permanent=True)
    try:
        message[name] = value
    except (ValueError, IndexError) as error:
        raise SendError("header", f"{name}: {error}", permanent=True) from error


def mailbox(name: str, address: str) -> str:
    """A From. Raises SendError for what can't be one."""
    try:
        return str(Address(display_name=_FORBIDDEN.sub(" ", name), addr_spec=address))
    except (ValueError, IndexError) as error:
        raise SendError("header", f"From: {error}", permanent=True) from error


def _write_bodies(message: EmailMessage, delivery: Delivery) -> None:
    signature = delivery.inbox.signature.strip()
    quoted = quotes(delivery)
    text = _lines(delivery.entry.text)
    message.set_content(_as_text(text, signature, quoted))
    message.add_alternative(_as_html(text, signature, quoted), subtype="html")


def _as_text(text: str, signature: str, quoted: list[Quote]) -> str:
    parts = [text]
    if signature:
        parts.append(f"-- \n{_lines(signature)}")
    for quote in quoted:
        lines = "\n".join(f"> {line}".rstrip() for line in quote.text.split("\n"))
        parts.append(f"{_introduction(quote)}\n{lines}")
    return "\n\n".join(parts) + "\n"


def _as_html(text: str, signature: str, quoted: list[Quote]) -> str:
    parts = [as_html(text)]
    if signature:
        parts.append(f"<p>-- </p>{as_html(_lines(signature))}")
    for quote in quoted:
        introduction = as_html(_introduction(quote), plain=True)
        parts.append(f"{introduction}<blockquote>{as_html(quote.text, plain=True)}</blockquote>")
    return "<html><body>" + "\n".join(parts) + "</body></html>\n"


def _introduction(quote: Quote) -> str:
    when = date_format(quote.at, "DATETIME_FORMAT")
    return _("On %(when)s, %(who)s wrote:") % {"when": when, "who": quote.who}


def _people_on(entry: Entry) -> set[str]:
    """Who is known to have had a message: its sender and the addresses named in it, never Bcc."""
    named = [*entry.data.get("to", []), *entry.data.get("cc", [])]
    if entry.identity is not None:
        named.append(entry.identity.value)
    return {address.lower() for address in named}


def _quote(entry: Entry) -> Quote:
    inbox_name = entry.inbox.from_name or entry.inbox.name if entry.inbox else ""
    sender = (entry.identity.label or entry.identity.value) if entry.identity else ""
    return Quote(sender if entry.is_inbound else inbox_name, entry.at, _lines(entry.text))


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    if attachment.state != FileState.STORED:
        gone = attachment.state in (FileState.FAILED, FileState.REFUSED)
        raise SendError(
            "file", _("The file %s is not there.") % attachment.filename, permanent=gone
        )
    with default_storage.open(attachment.storage_key) as file:
        content = file.read()
    kind, _slash, subtype = attachment.content_type.partition("/")
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", attachment.content_type) or kind == "message":
        kind, subtype = "application", "octet-stream"
    name = _FORBIDDEN.sub(" ", attachment.filename)
    message.add_attachment(content, maintype=kind, subtype=subtype, filename=name)


def _language(delivery: Delivery) -> str:
    language = delivery.conversation.customer.language
    return (
        language if translation.check_for_language(language) else translation.get_language() or "en"
    )


def _lines(text: str) -> str:
    """Line feeds only, no NUL."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
