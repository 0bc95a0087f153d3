"""What providers tell of messages beside new ones: edits, deletions, reactions, receipts, and what
we wrote in an app of theirs. Each changes what is here, or adds to it, in the caller's
transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from conversations import customers, deliveries, intake, quoted, telephony, tickets, windows
from conversations.intake import DUPLICATE, IGNORED, THREADED, Outcome
from conversations.models import (
    Arrival,
    Delivery,
    DeliveryState,
    Direction,
    EarlyReceipt,
    Entry,
    Identity,
    Kind,
    Proof,
)
from conversations.sweeping import each
from conversations.telephony import Called
from conversations.thread import SYSTEM, Actor, database_now, locked

if TYPE_CHECKING:
    from datetime import datetime

    from conversations.customers import Address
    from conversations.intake import InboundFile
    from conversations.models import Inbox
    from conversations.thread import Thread

MOST_EDITS = 20
BATCH = 100
# How long what is told of a message waits for it.
EARLY_FOR = timedelta(hours=24)
# As adapters call it where a customer may not be written freely any more.
WINDOW = "window_closed"


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
    name of it, where the provider repeats that; `partial`: it went out in several messages, and
    this isn't the last of them. `code` says what a failure means, as adapters call it."""

    name: str
    state: str
    token: str = ""
    code: str = ""
    error: str = ""
    partial: bool = False


@dataclass(frozen=True)
class Renumbered:
    """The provider moved an account to another number or id: both are the same person's, and so is
    what it has beside the new one."""

    before: Address
    now: Address
    also: tuple[Address, ...] = ()


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
    quotes: str = ""


Change = Edited | Deleted | Reacted | Receipt | Renumbered | Echoed | Called
CHANGES = (Edited, Deleted, Reacted, Receipt, Renumbered, Echoed, Called)


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
    if isinstance(change, Called):
        return telephony.called(inbox, change)
    if isinstance(change, Renumbered):
        return renumbered(change)
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
    """Receipts come in any order and only raise; a failure counts until it was delivered. One that
    comes before the answer to our sending, or long after another program sent, is kept for a
    day."""
    delivery = _delivery(inbox, change)
    if delivery is None:
        _keep_early(inbox, change)
        return Outcome(IGNORED, reason="early_receipt")
    if not _is_of(delivery, change):
        return Outcome(IGNORED, reason="unknown_message")  # of an earlier try
    news = _receipt(delivery, change)
    return Outcome(THREADED if news else DUPLICATE, delivery.entry)


def renumbered(change: Renumbered) -> Outcome:
    """The new address is written down beside the old one, which takes nothing more and is free for
    whoever is given it. Whose the new one is already, it stays: nobody is joined by that."""
    before = change.before.normal()
    known = Identity.objects.at(before.kind, before.value, before.scope).first()
    if known is None:
        return Outcome(IGNORED, reason="unknown_message")
    for one in (change.now.normal(), *(address.normal() for address in change.also)):
        if not Identity.objects.at(one.kind, one.value, one.scope).exists():
            customers.write_down(known, one, proof=Proof.VERIFIED)
    customers.moved_away(known)
    return Outcome(THREADED)


def settle_early() -> int:
    """Write what was told of messages before they were known by that name. Returns how many there
    were; what nobody asked for in a day is let go."""
    EarlyReceipt.objects.filter(at__lt=database_now() - EARLY_FOR).delete()
    sent = Delivery.objects.filter(inbox=OuterRef("inbox"), provider_id=OuterRef("provider_id"))
    known = EarlyReceipt.objects.filter(Exists(sent)).order_by("pk")
    return each(list(known.values_list("pk", flat=True)[:BATCH]), _settle)


def _settle(pk: int) -> bool:
    with transaction.atomic():
        row = EarlyReceipt.objects.select_for_update().select_related("inbox").filter(pk=pk).first()
        if row is None:
            return False
        change = Receipt(row.provider_id, row.state, "", row.code, row.error)
        delivery = _delivery(row.inbox, change)
        if delivery is None:
            return False
        _receipt(delivery, change)
        row.delete()
        return True


def _keep_early(inbox: Inbox, change: Receipt) -> None:
    row = EarlyReceipt(
        inbox=inbox,
        provider_id=change.name[:400],
        state=change.state,
        code=change.code[:60],
        error=change.error[:500],
        at=database_now(),
    )
    EarlyReceipt.objects.bulk_create([row], ignore_conflicts=True)


def _is_of(delivery: Delivery, change: Receipt) -> bool:
    """Whether it tells of this try. What went out in several messages goes by the name of the
    first: of the others only that one will not arrive is news."""
    if delivery.provider_id == change.name:
        return True
    if change.name in delivery.payload.get(deliveries.REFUSED, []):
        return False
    parts = delivery.payload.get(deliveries.PARTS, [])
    waits_for_others = "" in parts and change.name in parts
    if delivery.provider_id or change.partial or waits_for_others:
        return change.state == DeliveryState.FAILED and change.name in parts
    return True


def _receipt(delivery: Delivery, change: Receipt) -> bool:
    if change.state != DeliveryState.FAILED:
        return deliveries.receipt(delivery, change.state, provider_id=change.name)
    if change.code in customers.CLOSED:
        customers.closed_to_us(delivery.identity, reason=change.code, tried_at=delivery.attempt_at)
    if change.code == WINDOW:
        windows.shut(delivery.inbox, delivery.identity, tried_at=delivery.attempt_at)
    return deliveries.refused_later(
        delivery, name=change.name, code=change.code, error=change.error
    )


def echoed(inbox: Inbox, change: Echoed) -> Outcome:
    """Shown as ours, in the ticket its customer is in; it is the customer's turn then."""
    if Delivery.objects.filter(inbox=inbox, provider_id=change.name).exists():
        return Outcome(IGNORED, reason="echo")
    identity = customers.identity_of(change.to)
    with locked(identity.origin_id) as thread:
        identity.refresh_from_db()
        known = quoted.arrived(inbox, change.name)
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
            data={**change.data, "echo": True, **quoted.of(inbox, change.quotes)},
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
    found = quoted.named(inbox, name)
    if found is None:
        raise NotHere(name)
    return found


def _delivery(inbox: Inbox, change: Receipt) -> Delivery | None:
    """By our own name of it, else by the provider's."""
    ours = Delivery.objects.select_related("entry", "identity", "inbox").filter(inbox=inbox)
    found = ours.filter(entry__client_token=change.token).first() if change.token else None
    if found is None and change.name:
        found = ours.filter(provider_id=change.name).first()
    return found
