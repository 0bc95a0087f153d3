"""Phone calls as people note them: an entry of the one conversation, with what came of it.

A caller's number proves nothing: it is written down as what they claim, and one that is another
customer's is only mentioned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from conversations import codes, customers, going_out, intake, phones, promises, tickets
from conversations.customers import Address
from conversations.errors import BadInput
from conversations.models import (
    Arrival,
    CallOutcome,
    CallState,
    Direction,
    Entry,
    Identity,
    IdentityKind,
    Kind,
    Membership,
    Proof,
    Status,
    Ticket,
)
from conversations.thread import Actor, locked

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from conversations.models import Agent, Inbox
    from conversations.thread import Thread

LONGEST_SUMMARY: Final = 20_000
LONGEST_ADDRESS: Final = 1000
UNANSWERED: Final = (CallOutcome.MISSED, CallOutcome.VOICEMAIL, CallOutcome.BUSY)


@dataclass(frozen=True)
class Vow:
    """What was promised in a call, and by when (aware)."""

    text: str
    due_at: datetime


@dataclass(frozen=True)
class CallNote:
    """A call as who had it writes it down. `inbox` is the telephone it came to or went out from;
    `number` is as typed, "" where it was withheld; `then` is the ticket's status after it; `code`
    is what the caller read to us of a message we sent, which proves who they are."""

    inbox: Inbox
    direction: str
    outcome: str
    number: str = ""
    summary: str = ""
    name: str = ""
    recording: str = ""
    then: str = Status.OPEN
    vows: tuple[Vow, ...] = field(default_factory=tuple)
    code: str = ""

    def checked(self) -> CallNote:
        """Raises BadInput for what can't be kept."""
        if self.direction not in (Direction.IN, Direction.OUT):
            raise BadInput(_("Say who called: they, or you."))
        if self.then not in (Status.PENDING, Status.OPEN, Status.RESOLVED):
            raise BadInput(_("Choose what happens to the matter after the call."))
        check_told(self.outcome, self.summary, self.recording)
        if "\x00" in f"{self.number}{self.name}":
            raise BadInput(_("There is a character in it that can't be kept. Type it again."))
        return self


def check_told(outcome: str, summary: str, recording: str) -> None:
    """Raises BadInput."""
    if outcome not in CallOutcome.values:
        raise BadInput(_("Say what came of the call."))
    if outcome == CallOutcome.TALKED and not summary.strip():
        raise BadInput(_("Say in a line what was talked about: whoever goes on has only that."))
    if len(summary) > LONGEST_SUMMARY or "\x00" in summary:
        raise BadInput(_("The summary is too long. Put the long part in a note."))
    if recording and not is_web_address(recording):
        raise BadInput(_("The address of a recording begins with https://."))


def is_web_address(text: str) -> bool:
    """Whether a page may show it as a link."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    fine = text.isprintable() and " " not in text and len(text) <= LONGEST_ADDRESS
    return fine and parts.scheme in ("https", "http") and bool(parts.netloc)


def write_down(
    note: CallNote, *, by: Agent, client_token: UUID, ticket: Ticket | None = None
) -> Entry:
    """Keep a call, in this ticket, or where a message from its number would go. The same (inbox,
    client_token) again answers with the first.

    Raises BadInput for what is wrong with it, and then nothing is kept, no customer either.
    """
    note = note.checked()
    with transaction.atomic():
        made = _made_before(note.inbox, client_token)
        if made:
            ticket = ticket or made.ticket
        elif note.code:
            ticket = codes.redeem_by_phone(note.code)
        _check_readers(note, by, ticket)
        if made:
            return made
        entry = _kept(note, by, client_token, ticket)
        assert entry.ticket is not None
        for vow in note.vows:
            promises.promise(
                entry.ticket, by=by, text=vow.text, due_at=vow.due_at, channel="phone", entry=entry
            )
    return entry


def sum_up(entry: Entry, *, by: Agent, outcome: str, summary: str, recording: str = "") -> Entry:
    """Say what came of a call that is here already; what was said before stays with it. Doing it
    again changes nothing. Raises BadInput."""
    check_told(outcome, summary, recording)
    with locked(entry.origin_id) as thread:
        fresh = Entry.objects.select_related("ticket__team").get(pk=entry.pk)
        if fresh.kind != Kind.CALL:
            raise BadInput(_("This is no call."))
        call: dict[str, Any] = fresh.data.get("call", {})
        told = {**call, "outcome": outcome, "recording": recording or call.get("recording", "")}
        if (fresh.text, call) == (summary.strip(), told):
            return fresh
        if fresh.text and fresh.text != summary.strip():
            before = [
                *fresh.data.get("edits", []),
                {"at": thread.now.isoformat(), "was": fresh.text},
            ]
            fresh.data["edits"] = before[-20:]
        fresh.data["call"], fresh.text = told, summary.strip()
        fields = ["data", "text"]
        if fresh.agent_id is None:
            fresh.agent = by
            fields.append("agent")
        thread.stamp(fresh, *fields)
        if fresh.ticket:
            thread.touched(fresh.ticket)
        return fresh


def _check_readers(note: CallNote, by: Agent, ticket: Ticket | None) -> None:
    inbox = note.inbox
    if ticket is None and not note.number.strip():
        raise BadInput(_("Write the number, or note the call in the customer's conversation."))
    if ticket is not None and ticket.restriction != inbox.restriction:
        raise BadInput(_("Restricted messages can't be mixed with open ones."))
    if ticket is not None and inbox.restriction and ticket.inbox_id != inbox.pk:
        raise BadInput(_("Restricted messages can't be mixed with open ones."))
    acts = Membership.objects.acting(by).filter(team=inbox.team_id)
    if inbox.restriction and not acts.exists():
        raise BadInput(_("Only the team of this inbox may note its calls."))


def _kept(note: CallNote, by: Agent, client_token: UUID, ticket: Ticket | None) -> Entry:
    number = _number(note)
    known = Identity.objects.at(IdentityKind.PHONE, number).first() if number else None
    if ticket is None:
        known = customers.identity_of(Address(IdentityKind.PHONE, number, label=note.name))
    origin = ticket.origin_id if ticket else known.origin_id if known else None
    assert origin is not None
    with locked(origin) as thread:
        made = _made_before(note.inbox, client_token)
        if made:
            return made
        fresh = _fresh(thread, ticket) if ticket else None
        identity = _caller(thread, number, known, fresh)
        home = fresh or _matter(thread, note.inbox, identity, by)
        entry = _append(thread, note, home, identity, number, by, client_token)
        _turn(thread, note, home, entry, by)
        return entry


def _caller(
    thread: Thread, number: str, known: Identity | None, ticket: Ticket | None
) -> Identity | None:
    """Whose number it is, if it is this customer's, or nobody's yet."""
    if known is not None:
        known.refresh_from_db()
        return known if known.conversation_id == thread.conversation.pk else None
    if not number or ticket is None:
        return None
    return customers.named_number(thread, ticket.origin, Address(IdentityKind.PHONE, number))


def _matter(thread: Thread, inbox: Inbox, identity: Identity | None, by: Agent) -> Ticket:
    assert identity is not None
    found = intake.newest_of_sender(thread, inbox, identity)
    if found is not None:
        return found
    return tickets.open_ticket(
        thread,
        origin_id=identity.origin_id,
        team=inbox.team,
        by=Actor.of(by),
        inbox=inbox,
        restriction=inbox.restriction,
    )


def _append(
    thread: Thread,
    note: CallNote,
    ticket: Ticket,
    identity: Identity | None,
    number: str,
    by: Agent,
    client_token: UUID,
) -> Entry:
    call = {
        "state": str(CallState.NOTED),
        "outcome": note.outcome,
        "number": number,
        "recording": note.recording,
    }
    entry = thread.append(
        identity.origin_id if identity else ticket.origin_id,
        ticket=ticket,
        actor=by.actor,
        agent=by,
        kind=Kind.CALL,
        direction=note.direction,
        identity=identity,
        inbox=note.inbox,
        proof=_proof(note),
        text=note.summary.strip(),
        data={"call": call},
        client_token=client_token,
    )
    # The index of what authors send leaves out what comes in: this one decides for all calls.
    Arrival.objects.create(
        inbox=note.inbox,
        external_id=_name(client_token),
        scope=note.inbox.dedup_scope,
        is_first=True,
        entry=entry,
    )
    return entry


def _proof(note: CallNote) -> str:
    """Of who it was, not of their number."""
    if note.code:
        return Proof.VERIFIED
    return Proof.CLAIMED if note.direction == Direction.IN else ""


def _turn(thread: Thread, note: CallNote, ticket: Ticket, entry: Entry, by: Agent) -> None:
    """Whose turn it is now: a call of theirs that nobody took waits for us."""
    if note.direction == Direction.IN and note.outcome in UNANSWERED:
        tickets.customer_wrote(thread, ticket, entry)
        return
    if not ticket.may_act(by):
        tickets.heard(thread, ticket, entry)
        return
    then = Status.PENDING if note.vows and note.then == Status.RESOLVED else note.then
    tickets.we_wrote(thread, ticket, entry, then=then)
    going_out.take_if_free(thread, ticket, by)


def _fresh(thread: Thread, ticket: Ticket) -> Ticket:
    fresh = Ticket.objects.select_related("team", "inbox", "origin").get(pk=ticket.pk)
    if fresh.conversation_id != thread.conversation.pk:
        raise BadInput(_("That matter belongs to another conversation."))
    return fresh


def _number(note: CallNote) -> str:
    """In the one form, by the country of the telephone. Raises BadInput."""
    if not note.number.strip():
        return ""
    found = phones.e164(note.number, phones.country_of(note.inbox.address))
    if not phones.is_number(found):
        raise BadInput(
            _("%(value)s is not a phone number. Write it with the country code: +84 …")
            % {"value": note.number.strip()[:40]}
        )
    return found


def _made_before(inbox: Inbox, client_token: UUID) -> Entry | None:
    found = Arrival.objects.filter(inbox=inbox, external_id=_name(client_token))
    arrival = found.select_related("entry__ticket").first()
    return arrival.entry if arrival else None


def _name(client_token: UUID) -> str:
    return f"note:{client_token}"
