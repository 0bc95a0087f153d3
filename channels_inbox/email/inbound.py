"""From a parsed mail to what it is for the desk: a message, a bounce, or nothing (and why)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from channels_inbox.base import Bounce, Ignored
from channels_inbox.email import heads, tokens
from channels_inbox.email.config import MailConfig
from channels_inbox.email.files import inbound_file
from channels_inbox.email.proof import proof_of
from conversations.customers import Address
from conversations.intake import Inbound
from conversations.models import IdentityKind, Inbox, Proof

if TYPE_CHECKING:
    from channels_inbox.email.mail import Address as Mailbox
    from channels_inbox.email.mail import ParsedMail
    from channels_inbox.models import Envelope

MAX_LISTED: Final = 50
NOBODY: Final = "unknown"


@dataclass(frozen=True)
class Letter:
    """One mail at one inbox, as far as its own bytes and our settings tell."""

    envelope: Envelope
    raw: bytes
    mail: ParsedMail
    config: MailConfig
    own: frozenset[str]

    @property
    def inbox(self) -> Inbox:
        return self.envelope.inbox

    @property
    def author(self) -> str:
        """The From address in lower case, or ''."""
        return self.mail.from_.address.lower() if self.mail.from_ else ""

    @property
    def is_system(self) -> bool:
        return self.config.is_system(self.author)


def own_addresses() -> frozenset[str]:
    """In lower case; asked for each mail."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT address FROM conversations_inbox WHERE kind = 'email'")
        return frozenset(address.lower() for (address,) in cursor.fetchall() if address)


def read(letter: Letter, *, by_hand: bool) -> Inbound | Bounce | Ignored:
    """What the desk makes of it. `by_hand` an ignored mail, or an unknown bounce, is a message."""
    if not by_hand:
        if reason := _why_ignored(letter):
            return Ignored(reason)
        if letter.mail.is_bounce:
            return _bounce(letter)
    return _message(letter)


def external_id(mail: ParsedMail) -> str:
    """The same for the same mail, however it travelled; another for one that only reuses the
    Message-ID. A mail without one is told from its like by its date."""
    told = {
        "message_id": mail.message_id,
        "from": mail.from_.address.lower() if mail.from_ else mail.from_header,
        "subject": mail.subject,
        "text": mail.text,
        "files": [file.sha256 for file in mail.attachments],
        "date": "" if mail.message_id or mail.date is None else mail.date.isoformat(),
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return f"{mail.message_id[:300]} {digest}".strip()


def _why_ignored(letter: Letter) -> str:
    mail = letter.mail
    if mail.spam_flag:
        return "spam"
    if mail.is_feedback_report:
        return "feedback_report"
    if letter.author in letter.own or tokens.in_message_ids([mail.message_id]):
        return "own_mail"
    return "" if mail.from_ or mail.is_bounce else "no_sender"


def _bounce(letter: Letter) -> Bounce:
    mail = letter.mail
    return Bounce(
        external_id=external_id(mail),
        names=tuple(_genuine_names(letter)),
        recipients=mail.failed_recipients,
        reason=heads.diagnosis(letter.raw) or " ".join(mail.text.split())[:500],
        temporary=mail.temporary,
    )


def _genuine_names(letter: Letter) -> list[str]:
    mail = letter.mail
    named = [*heads.our_names(letter.raw), mail.in_reply_to, *mail.references]
    return [name for name in dict.fromkeys(named) if tokens.in_message_ids([name])]


def _message(letter: Letter) -> Inbound:
    mail, envelope = letter.mail, letter.envelope
    sender, proof = _sender(letter)
    names = () if letter.is_system else _answered(mail)
    return Inbound(
        inbox=letter.inbox,
        external_id=external_id(mail),
        sender=sender,
        proof=proof,
        text=mail.visible_reply or mail.text,
        full_text=mail.text,
        html=mail.html,
        subject=mail.subject,
        occurred_at=mail.date,
        tokens=() if letter.is_system else tuple(_tokens(letter)),
        replies_to=names,
        names=(mail.message_id,) if mail.message_id else (),
        quiet=_quiet(letter),
        data=_data(letter),
        files=tuple(
            inbound_file(envelope, index, file) for index, file in enumerate(mail.attachments)
        ),
    )


def _sender(letter: Letter) -> tuple[Address, str]:
    """Whom we talk with, and how sure that is. A trusted forwarder stands for somebody else, on its
    own word only. A mail of nobody is kept under an address that belongs to this mail alone."""
    mail = letter.mail
    if mail.from_ is None:
        value = f"{NOBODY}-{hashlib.sha256(external_id(mail).encode()).hexdigest()[:24]}"
        return Address(NOBODY, value, letter.inbox.public_id, mail.from_header), Proof.CLAIMED
    if letter.config.trusts(letter.author) and (original := _forwarded_for(letter)):
        return _address(original), Proof.CLAIMED
    proof = proof_of(letter.author, mail.authentication_results, letter.config.authserv_id)
    return _address(mail.from_), proof


def _forwarded_for(letter: Letter) -> Mailbox | None:
    named = [*letter.mail.reply_to, letter.mail.original_sender]
    others = (one for one in named if one and one.address.lower() not in letter.own)
    return next(others, None)


def _address(mailbox: Mailbox) -> Address:
    return Address(IdentityKind.EMAIL, mailbox.address, label=mailbox.name)


def _tokens(letter: Letter) -> list[str]:
    """Ticket ids of genuine tokens: first of the address it was sent to, then of what it
    answers."""
    mail = letter.mail
    written = [one.address for one in (*mail.to, *mail.cc)]
    reached = [*written, *mail.delivered_to, str(letter.envelope.meta.get("rcpt", ""))]
    found = [*tokens.in_addresses(reached), *tokens.in_message_ids(_answered(mail))]
    return list(dict.fromkeys(found))


def _answered(mail: ParsedMail) -> tuple[str, ...]:
    """Message-IDs this mail answers, the nearest first."""
    named = (mail.in_reply_to, *reversed(mail.references))
    return tuple(dict.fromkeys(name for name in named if name))[:MAX_LISTED]


def _quiet(letter: Letter) -> str:
    """Why nobody waits for an answer. A group mailbox of ours is a list too, but one of
    customers."""
    if letter.mail.is_bounce or letter.mail.not_a_new_ticket:
        return "auto_reply"
    if letter.mail.is_list and not letter.is_system and not _through_own_list(letter):
        return "list_mail"
    return ""


def _through_own_list(letter: Letter) -> bool:
    return letter.config.trusts(letter.author) or heads.is_list_of(letter.raw, letter.own)


def _data(letter: Letter) -> dict[str, Any]:
    """What the entry says beside its text; `raw` is the envelope of the original."""
    mail = letter.mail
    told: dict[str, Any] = {
        "to": _listed(mail.to),
        "cc": _listed(mail.cc),
        "reply_to": _listed(mail.reply_to),
        "from": mail.from_header if mail.from_ is None else "",
        "via": letter.author if letter.config.trusts(letter.author) else "",
        "automatic": mail.auto_submitted or heads.expects_no_answer(letter.raw),
        "problems": list(mail.problems),
        "truncated": mail.truncated,
        "raw": letter.envelope.pk,
    }
    return {name: value for name, value in told.items() if value}


def _listed(mailboxes: tuple[Mailbox, ...]) -> list[str]:
    return [one.address for one in mailboxes[:MAX_LISTED]]
