"""What providers tell of messages beside new ones: edits, deletions, reactions, receipts, and what
we wrote in an app of theirs. Each changes what is here, or adds to it, in the caller's
transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conversations import customers, deliveries, intake, tickets
from conversations.intake import DUPLICATE, IGNORED, THREADED, Outcome
from conversations.models import (
    Arrival,
    Delivery,
    DeliveryState,
    Direction,
    Entry,
    Kind,
)
from conversations.thread import SYSTEM, Actor, locked

if TYPE_CHECKING:
    from datetime import datetime

    from conversations.customers import Address
    from conversations.intake import InboundFile
    from conversations.models import Inbox
    from conversations.thread import Thread

MOST_EDITS = 20


class NotHere(Exception):
    """It is about a message that is not here, or not yet."""


@dataclass(frozen=True)
class Edited:
    """A message has another text now. `name` is the message's, as the channel names it."""

    name: str
    text: str
    occurred_at: datetime | None = None


@dataclass(frozen=True)
class Deleted:
    """A message was taken back by whoever wrote it."""

    name: str


@dataclass(frozen=True)
class Reacted:
    """Somebody put an emoji on a message; none: they took it off."""

    name: str
    sender: Address
    emoji: str


@dataclass(frozen=True)
class Receipt:
    """How far a message of ours got: `state` is sent, delivered, read or failed. `token` is our own
    name of it, where the provider repeats that."""

    name: str
    state: str
    token: str = ""
    code: str = ""
    error: str = ""


@dataclass(frozen=True)
class Echoed:
    """A message of ours that was not written here but in an app of the provider."""

    name: str
    to: Address
    text: str
    proof: str
    occurred_at: datetime | None = None
    late: bool = False
    data: dict[str, Any] = field(default_factory=dict)
    files: tuple[InboundFile, ...] = ()


Change = Edited | Deleted | Reacted | Receipt | Echoed
CHANGES = (Edited, Deleted, Reacted, Receipt, Echoed)


def mirror(inbox: Inbox, change: Change) -> Outcome:
    """Raises NotHere; what came before the message it is about may be told again later."""
    if isinstance(change, Edited):
        return edited(inbox, change)
    if isinstance(change, Deleted):
        return deleted(inbox, change)
    if isinstance(change, Reacted):
        return reacted(inbox, change)
    if isinstance(change, Receipt):
        return receipt(inbox, change)
    return echoed(inbox, change)


def edited(inbox: Inbox, change: Edited) -> Outcome:
    """What was said before stays with the message. An edit older than the newest one is known
    already: edits may come in any order."""
    found = _message(inbox, change.name)
    with locked(found.origin_id) as thread:
        entry = Entry.objects.select_related("ticket").get(pk=found.pk)
        before = entry.data.get("edits", [])
        at = change.occurred_at.isoformat() if change.occurred_at else ""
        if entry.text == change.text or (before and at and at <= before[-1]["at"]):
            return Outcome(DUPLICATE, entry)
        entry.data["edits"] = [*before, {"at": at, "was": entry.text}][-MOST_EDITS:]
        entry.text = change.text
        thread.stamp(entry, "text", "data")
        _show_in_lists(thread, entry)
        return Outcome(THREADED, entry)


def deleted(inbox: Inbox, change: Deleted) -> Outcome:
    """Nothing is deleted from a timeline: the message says that it was taken back."""
    found = _message(inbox, change.name)
    with locked(found.origin_id) as thread:
        entry = Entry.objects.select_related("ticket").get(pk=found.pk)
        if entry.withdrawn_at is not None:
            return Outcome(DUPLICATE, entry)
        entry.withdrawn_at = thread.now
        thread.stamp(entry, "withdrawn_at")
        _show_in_lists(thread, entry)
        return Outcome(THREADED, entry)


def reacted(inbox: Inbox, change: Reacted) -> Outcome:
    """One line of the thread: a reaction asks for no answer."""
    found = _message(inbox, change.name)
    with locked(found.origin_id) as thread:
        entry = Entry.objects.select_related("ticket").get(pk=found.pk)
        line = thread.event(
            entry.ticket,
            "reacted" if change.emoji else "unreacted",
            by=SYSTEM,
            name=change.sender.label or change.sender.value,
            emoji=change.emoji[:40],
            seq=entry.seq,
        )
        return Outcome(THREADED, line)


def receipt(inbox: Inbox, change: Receipt) -> Outcome:
    """Receipts come in any order and only raise; a failure counts until it was delivered."""
    delivery = _delivery(inbox, change)
    if delivery.provider_id and delivery.provider_id != change.name:
        return Outcome(IGNORED, reason="unknown_message")  # of an earlier try
    if change.state == DeliveryState.FAILED:
        news = deliveries.refused_later(delivery, code=change.code, error=change.error)
    else:
        news = deliveries.receipt(delivery, change.state, provider_id=change.name)
    return Outcome(THREADED if news else DUPLICATE, delivery.entry)


def echoed(inbox: Inbox, change: Echoed) -> Outcome:
    """Shown as ours, in the ticket its customer is in; it is the customer's turn then."""
    if Delivery.objects.filter(inbox=inbox, provider_id=change.name).exists():
        return Outcome(IGNORED, reason="echo")
    identity = customers.identity_of(change.to)
    with locked(identity.origin_id) as thread:
        identity.refresh_from_db()
        known = _arrived(inbox, change.name)
        if known:
            return Outcome(DUPLICATE, known)
        customers.surer(thread, identity, proof=change.proof)
        ticket = intake.newest_of_sender(thread, inbox, identity) or tickets.open_ticket(
            thread,
            origin_id=identity.origin_id,
            team=inbox.team,
            by=SYSTEM,
            inbox=inbox,
            restriction=inbox.restriction,
        )
        entry = thread.append(
            identity.origin_id,
            ticket=ticket,
            actor=_app(inbox).actor,
            kind=Kind.MESSAGE,
            direction=Direction.OUT,
            identity=identity,
            inbox=inbox,
            text=change.text,
            data={**change.data, "echo": True},
            occurred_at=change.occurred_at,
            late=change.late,
        )
        Arrival.objects.create(
            inbox=inbox,
            external_id=change.name,
            scope=inbox.dedup_scope,
            is_first=True,
            entry=entry,
        )
        intake.hang_files(thread, entry, change.files)
        if not ticket.is_resolved:
            tickets.we_wrote(thread, ticket, entry)
        return Outcome(THREADED, entry)


def _show_in_lists(thread: Thread, entry: Entry) -> None:
    """A list shows the newest message of a ticket."""
    if entry.ticket and entry.ticket.newest_id == entry.pk:
        thread.touched(entry.ticket)


def _app(inbox: Inbox) -> Actor:
    """Who wrote it we aren't told: a colleague, or a program of ours."""
    return Actor(f"app:{inbox.pk}")


def _message(inbox: Inbox, name: str) -> Entry:
    """Theirs by its arrival, ours by its delivery. Raises NotHere."""
    found = _arrived(inbox, name)
    if found is None and name:
        sent = Delivery.objects.select_related("entry").filter(inbox=inbox, provider_id=name)
        delivery = sent.first()
        found = delivery.entry if delivery else None
    if found is None:
        raise NotHere(name)
    return found


def _arrived(inbox: Inbox, name: str) -> Entry | None:
    arrival = (
        Arrival.objects.select_related("entry")
        .filter(scope=inbox.dedup_scope, external_id=name, is_first=True)
        .first()
    )
    return arrival.entry if arrival else None


def _delivery(inbox: Inbox, change: Receipt) -> Delivery:
    """By our own name of it, else by the provider's. Raises NotHere."""
    ours = Delivery.objects.select_related("entry").filter(inbox=inbox)
    if change.token:
        found = ours.filter(entry__client_token=change.token).first()
    else:
        found = ours.filter(provider_id=change.name).first() if change.name else None
    if found is None:
        raise NotHere(change.name)
    return found
