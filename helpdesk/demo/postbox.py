"""A customer's mail, as their mail program has it: read by IMAP and sent by SMTP, at the demo's own
servers."""

from __future__ import annotations

import re
import smtplib
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from imaplib import IMAP4
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from imap_tools import AND, ImapToolsError, MailBoxUnencrypted, MailMessageFlags

from channels_inbox.email import parse
from helpdesk.demo.cast import MAIL_DOMAIN, PASSWORD
from helpdesk.demo.mail_store import INBOX, SENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from imap_tools import MailAttachment, MailMessage

FOLDERS: Final = {"inbox": INBOX, "sent": SENT}
SHOWN: Final = 60
SECONDS: Final = 5
MAX_REFERENCES: Final = 20
_NAME: Final = re.compile(r"<[^<>\s]{3,250}>")


class NotThere(Exception):
    """The demo's mail servers don't answer."""


class Refused(Exception):
    """They answer, and don't take this mail for whom it is to go to."""


@dataclass(frozen=True)
class Line:
    """A mail in a list. `who` is the other side's name, else their address."""

    uid: int
    who: str
    subject: str
    at: datetime
    unread: bool


@dataclass(frozen=True)
class Mail:
    """One mail, opened. `reply_to` is where an answer goes."""

    line: Line
    to: str
    reply_to: str
    text: str
    html: str
    names: tuple[str, ...]
    files: Sequence[MailAttachment]


@dataclass(frozen=True)
class Letter:
    """What is to be sent; `answers` are the Message-IDs before it, the answered one last; `name` is
    the left part of its own, '' for a new one."""

    to: str
    subject: str
    text: str
    answers: tuple[str, ...] = ()
    files: Sequence[tuple[str, str, bytes]] = ()
    name: str = ""


def stamp(address: str) -> str:
    """Changes with whatever happens in the inbox: cheap to ask for."""
    with _opened(address) as box:
        told = box.folder.status(INBOX, ["UIDNEXT", "UNSEEN", "UIDVALIDITY"])
    return ".".join(str(told[name]) for name in sorted(told))


def lines(address: str, folder: str) -> list[Line]:
    """The newest mails of a folder ("inbox" or "sent"), newest first."""
    with _opened(address) as box:
        if not box.folder.exists(FOLDERS[folder]):
            return []
        box.folder.set(FOLDERS[folder], readonly=True)
        found = box.fetch(
            AND(all=True), limit=SHOWN, reverse=True, mark_seen=False, headers_only=True, bulk=True
        )
        return [_line(message, folder) for message in found]


def read(address: str, folder: str, uid: int) -> Mail | None:
    """Open a mail; it is read from then on. None where there is none of this number."""
    with _opened(address) as box:
        if not box.folder.exists(FOLDERS[folder]):
            return None
        box.folder.set(FOLDERS[folder])
        found = list(box.fetch(AND(uid=str(uid)), mark_seen=True))
    return _mail(found[0], folder) if found else None


def send(address: str, name: str, letter: Letter) -> None:
    """Send a mail as this person and keep it among those they sent. Raises NotThere, Refused."""
    raw = _composed(address, name, letter)
    mail: dict[str, Any] = settings.DEMO_MAIL
    try:
        with smtplib.SMTP(mail["host"], mail["smtp_port"], timeout=SECONDS) as server:
            server.login(address, PASSWORD)
            server.sendmail(address, [letter.to], raw)
    except smtplib.SMTPRecipientsRefused as error:
        raise Refused from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotThere from error
    with _opened(address) as box:
        if not box.folder.exists(SENT):
            box.folder.create(SENT)
        box.append(raw, SENT, flag_set=[MailMessageFlags.SEEN])


def address_of(who: str) -> str:
    return f"{who}@{MAIL_DOMAIN}"


@contextmanager
def _opened(address: str) -> Iterator[MailBoxUnencrypted]:
    mail: dict[str, Any] = settings.DEMO_MAIL
    try:
        server = MailBoxUnencrypted(mail["host"], mail["imap_port"], timeout=SECONDS)
        with server.login(address, PASSWORD, initial_folder=None) as box:
            yield box
    except (OSError, ImapToolsError, IMAP4.error) as error:
        raise NotThere from error


def _line(message: MailMessage, folder: str) -> Line:
    sides = message.to_values if folder == "sent" else (message.from_values,)
    side = next((one for one in sides if one), None)
    return Line(
        int(message.uid or 0),
        (side.name or side.email) if side else "",
        message.subject,
        message.date,
        MailMessageFlags.SEEN not in message.flags,
    )


def _mail(message: MailMessage, folder: str) -> Mail:
    reply = message.reply_to_values or (message.from_values,)
    headers: Mapping[str, tuple[str, ...]] = message.headers
    told = [*headers.get("references", ()), *headers.get("message-id", ())]
    named = _NAME.findall(" ".join(told))
    return Mail(
        _line(message, folder),
        ", ".join(message.to),
        next((one.email for one in reply if one), ""),
        message.text.strip() or parse.parse(message.obj.as_bytes()).text,
        message.html,
        tuple(dict.fromkeys(named)),
        message.attachments,
    )


def _composed(address: str, name: str, letter: Letter) -> bytes:
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=900))
    message["From"] = str(Address(name, addr_spec=address))
    message["To"] = letter.to
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{letter.name or uuid.uuid4().hex}@{MAIL_DOMAIN}>"
    if letter.answers:
        message["In-Reply-To"] = letter.answers[-1]
        message["References"] = " ".join(letter.answers[-MAX_REFERENCES:])
    message.set_content(letter.text, cte="base64")
    for filename, kind, content in letter.files:
        main, _slash, sub = (kind or "application/octet-stream").partition("/")
        message.add_attachment(content, filename=filename, maintype=main, subtype=sub)
    return message.as_bytes()
