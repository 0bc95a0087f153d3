"""The composer: what it begins with, and what it says when a message could not go out as it was."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.db import connection

from conversations import drafts, media, templates, windows
from conversations.columns import Columns, parted, relate
from conversations.customers import untagged
from conversations.forms.writing import NoteForm, ReplyForm
from conversations.models import Attachment, Draft, Entry, Identity, Inbox, Proof
from conversations.models.tickets import READABLE
from conversations.moments import Reader
from conversations.views.naps import naps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from conversations.media import Terms, Trouble
    from conversations.models import Agent, Template, Ticket
    from conversations.models.windows import Piece
    from conversations.views.naps import Nap

MAIL = "email"
RESOLVE = "+resolve"

INBOX, ADDRESS = Columns(Inbox), Columns(Identity)
INBOXES = f"""
SELECT {INBOX.of("i")} FROM conversations_inbox i
WHERE i.is_active AND i.kind <> 'phone' AND i.restriction = %(restriction)s
  AND (i.restriction = '' OR i.id = %(inbox)s)
ORDER BY i.name
"""
ADDRESSES = f"""
SELECT {ADDRESS.of("i")} FROM conversations_identity i
WHERE i.conversation_id = %(conversation)s AND i.kind = ANY(%(kinds)s)
ORDER BY i.blocked_at IS NOT NULL, i.undeliverable_at IS NOT NULL, i.wrote_at DESC NULLS LAST, i.id
"""
HEARD = Columns(Entry, "id", "ticket_id", "identity_id", "inbox_id", "data", "text")
SENDER = Columns(Identity, "id", "kind", "value", "label")
MESSAGE = f"""
SELECT {HEARD.of("e")}, {SENDER.of("i")} FROM conversations_entry e
JOIN conversations_ticket t ON t.id = e.ticket_id
LEFT JOIN conversations_identity i ON i.id = e.identity_id
WHERE e.ticket_id = %(ticket)s AND e.kind = 'message' AND {READABLE}
"""


@dataclass(frozen=True)
class Composer:
    """`problem` is a sentence about what stopped the last try; `ask` names the button that
    overrides it ("anyway", "confirmed"); `newer` are the rows its author had not read."""

    ticket: Ticket
    reply: ReplyForm
    note: NoteForm
    identities: Sequence[Identity]
    inboxes: Sequence[Inbox]
    answered: Entry | None = None
    others: Sequence[str] = ()
    files: Sequence[Attachment] = ()
    note_files: Sequence[Attachment] = ()
    mode: str = "reply"
    problem: object = ""
    ask: str = ""
    newer: Sequence[Entry] = field(default_factory=tuple)
    other_draft: Draft | None = None
    windows: Mapping[tuple[int, int], datetime] = field(default_factory=dict)
    troubles: Mapping[int, Trouble] = field(default_factory=dict)
    terms: Mapping[int, Terms] = field(default_factory=dict)
    templates: Sequence[Template] = ()

    @property
    def template(self) -> Template | None:
        """The one that is chosen, if any."""
        wanted = str(self.reply["template"].value() or "")
        return next((row for row in self.templates if str(row.pk) == wanted), None)

    @property
    def places(self) -> list[dict[str, str]]:
        return places_of(self.template, values_of(self.reply.data))

    @property
    def preview(self) -> list[Piece]:
        return self.template.pieces(values_of(self.reply.data)) if self.template else []

    @property
    def laters(self) -> Sequence[Nap]:
        """Times at which a reply may go out, at the agent's clock."""
        return naps(Reader.here())

    @property
    def can_reply(self) -> bool:
        return bool(self.identities and self.inboxes)

    @property
    def then_resolve(self) -> bool:
        return str(self.reply.data.get("action", "")).endswith(RESOLVE)

    @property
    def recipient(self) -> Identity | None:
        chosen = str(self.reply["identity"].value() or "")
        return next((row for row in self.identities if str(row.pk) == chosen), None)

    @property
    def sender(self) -> Inbox | None:
        chosen = str(self.reply["inbox"].value() or "")
        return next((row for row in self.inboxes if str(row.pk) == chosen), None)

    @property
    def is_mail(self) -> bool:
        return any(inbox.kind == MAIL for inbox in self.inboxes)

    @property
    def is_unproved(self) -> bool:
        row = self.recipient
        return bool(row and row.proof == Proof.CLAIMED and row.wrote_at is None)

    @property
    def shows_copies(self) -> bool:
        return any(
            self.reply[name].value() or self.reply[name].errors for name in ("to", "cc", "bcc")
        )


def composer(
    ticket: Ticket, agent: Agent, *, seen: int, answer: Entry | None = None, everybody: bool = False
) -> Composer:
    """A fresh composer: the agent's draft if there is one, else the beginning of an answer."""
    identities, inboxes = ways_out(ticket)
    answered = answer or last_heard(ticket, agent)
    others = others_on(answered)
    told = beginning(ticket, identities, inboxes, answered)
    mine = drafts.drafts_of(ticket, agent)
    reply, note = mine.get("reply"), mine.get("note")
    if reply:
        kept = {key: value for key, value in reply.fields.items() if value not in ("", None)}
        told |= kept if answer is None else {}
        told |= {"text": reply.text, "version": reply.version}
    if everybody:
        told["cc"] = list(others)
    told |= {"seen": seen, "client_token": uuid.uuid4()}
    told["cites"] = answer is not None
    note_told = {"text": note.text, "version": note.version} if note else {}
    return Composer(
        ticket,
        _reply_form(ticket, initial=told),
        NoteForm(initial={**note_told, "client_token": uuid.uuid4()}, prefix="note"),
        identities,
        inboxes,
        answered,
        others,
        files_of(agent, (reply.fields if reply else {}).get("files", [])),
        files_of(agent, (note.fields if note else {}).get("files", [])),
        "note" if note and not reply else "reply",
        **_standing(identities, inboxes),
    )


def _standing(identities: Sequence[Identity], inboxes: Sequence[Inbox]) -> dict[str, Any]:
    """How well what is written gets out, and on what terms: windows, troubles, and templates for
    closed ones. Nothing is asked of media that have none of it."""
    own = {row.address_kind for row in inboxes if row.medium.window}
    windowed = [row.pk for row in identities if row.kind in own]
    with_templates = [row.pk for row in inboxes if row.medium.has_templates]
    return {
        "windows": windows.ends(windowed) if windowed else {},
        "troubles": media.troubles([row.pk for row in inboxes]) if identities else {},
        "terms": media.terms([row.pk for row in inboxes]) if identities else {},
        "templates": templates.ready(with_templates) if windowed and with_templates else (),
    }


def places_of(template: Template | None, values: Mapping[str, str]) -> list[dict[str, str]]:
    """What is to be filled in, with what was written there so far."""
    found = template.places if template else []
    return [{**one, "value": values.get(one["key"], "")} for one in found]


def values_of(data: Mapping[str, Any]) -> dict[str, str]:
    """What was written into the places of a template, by their keys."""
    begins = "value-"
    return {name.removeprefix(begins): str(data[name]) for name in data if name.startswith(begins)}


def again(
    ticket: Ticket, agent: Agent, data: Mapping[str, Any], *, seen: int, **changes: Any
) -> Composer:
    """The composer with what its author sent, to be put right. `seen` is what it shows now."""
    fresh = composer(ticket, agent, seen=seen)
    told = dict(data.items())
    told["seen"] = str(seen)
    mode = changes.get("mode", "reply")
    if mode == "note":
        return replace(fresh, note=NoteForm(told, prefix="note"), **changes)
    return replace(fresh, reply=_reply_form(ticket, told), **changes)


def bound_reply(ticket: Ticket, data: Mapping[str, Any]) -> ReplyForm:
    return _reply_form(ticket, data)


def ways_out(ticket: Ticket) -> tuple[Sequence[Identity], Sequence[Inbox]]:
    """Addresses and inboxes that fit; a restricted ticket is answered from its own inbox."""
    wanted = {"restriction": ticket.restriction, "inbox": ticket.inbox_id}
    inboxes = INBOX.asked(INBOXES, wanted)
    kinds = sorted({inbox.address_kind for inbox in inboxes})
    told = {"conversation": ticket.conversation_id, "kinds": kinds}
    return _without_ids(ADDRESS.asked(ADDRESSES, told)), inboxes


def _without_ids(rows: Sequence[Identity]) -> Sequence[Identity]:
    """Without an account's id that its provider told along with an address people can read: both
    lead to the same place. One that wrote by itself is how they are reached."""
    readable = {row.kind for row in rows if not row.scope}
    return [row for row in rows if row.wrote_at or not row.scope or row.kind not in readable]


def beginning(
    ticket: Ticket,
    identities: Sequence[Identity],
    inboxes: Sequence[Inbox],
    answered: Entry | None,
) -> dict[str, Any]:
    """To whom, from where and about what an answer goes unless its author says otherwise."""
    to = next(
        (row for row in identities if answered and row.pk == answered.identity_id),
        identities[0] if identities else None,
    )
    wanted = [answered.inbox_id if answered else None, ticket.inbox_id]
    fitting = [row for row in inboxes if to is None or row.writes_to(to)]
    by_id = {row.pk: row for row in fitting}
    chosen = next((by_id[pk] for pk in wanted if pk in by_id), None) or next(
        (row for row in fitting if row.team_id == ticket.team_id), fitting[0] if fitting else None
    )
    return {
        "identity": to.pk if to else None,
        "inbox": chosen.pk if chosen else None,
        "subject": _answering(ticket.subject),
        "answers": answered.pk if answered else None,
    }


def last_heard(ticket: Ticket, agent: Agent) -> Entry | None:
    return _message(ticket, agent, "e.direction = 'in' ORDER BY e.at DESC, e.id DESC LIMIT 1")


def message_of(ticket: Ticket, agent: Agent, pk: object) -> Entry | None:
    """A message of this ticket by a number from a form or a link, of whatever shape."""
    text = str(pk or "")
    if not text.isdecimal() or len(text) > 18:
        return None
    return _message(ticket, agent, "e.id = %(id)s", id=int(text))


def _message(ticket: Ticket, agent: Agent, which: str, **told: int) -> Entry | None:
    """With what an answer to it needs to know, and its sender."""
    with connection.cursor() as cursor:
        cursor.execute(f"{MESSAGE} AND {which}", {**told, "ticket": ticket.pk, "agent": agent.pk})
        row = cursor.fetchone()
    if row is None:
        return None
    entry: Entry
    entry, sender = parted(row, HEARD, SENDER)
    relate(entry, identity=sender)
    return entry


def others_on(entry: Entry | None) -> list[str]:
    """Whom "reply to all" adds: everybody on the message but its sender and ourselves."""
    if entry is None or entry.identity is None:
        return []
    named = [str(one).lower() for key in ("to", "cc") for one in entry.data.get(key, [])]
    if not named:
        return []
    ours = {row.lower() for row in Inbox.objects.values_list("address", flat=True)}
    known = {entry.identity.value.lower(), *ours}
    return [one for one in dict.fromkeys(named) if untagged(one) not in known]


def files_of(agent: Agent, ids: Iterable[object]) -> Sequence[Attachment]:
    """Files the agent chose for a message that is not sent yet."""
    wanted = [found for one in ids if (found := uuid_of(str(one)))]
    if not wanted:
        return []
    rows = Attachment.objects.filter(public_id__in=wanted[:50], entry=None, uploaded_by=agent)
    return list(rows.order_by("pk"))


def _reply_form(
    ticket: Ticket, data: Mapping[str, Any] | None = None, initial: dict[str, Any] | None = None
) -> ReplyForm:
    identities = Identity.objects.filter(conversation=ticket.conversation_id)
    return ReplyForm(
        data,
        initial=initial,
        identities=identities,
        inboxes=Inbox.objects.active(),
        auto_id="reply-%s",
    )


def _answering(subject: str) -> str:
    return f"Re: {subject}"[:300] if subject and not subject.lower().startswith("re:") else subject


def uuid_of(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
