"""The one way in for all channels: from an inbound message to its place in the thread.

`receive()` finds the sender's identity, locks their conversation, chooses the ticket and adds the
entry, in the caller's transaction: either all of it is committed, together with the caller's own
row, or nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction

from conversations import customers, proofs, quoted, senders, tickets
from conversations.models import (
    Arrival,
    Attachment,
    Delivery,
    Direction,
    Entry,
    Inbox,
    Kind,
    Reference,
    Ticket,
)
from conversations.thread import SYSTEM, Thread, from_the_start, locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from conversations.customers import Address
    from conversations.models import Identity
    from conversations.senders import Sender

THREADED, DUPLICATE, IGNORED = "threaded", "duplicate", "ignored"

# What hangs on an entry, in one round trip with it. The arrival without ON CONFLICT: should two of
# one message ever get here, the unique index makes the second transaction fail as a whole, and its
# item is tried again and found to be a duplicate.
HANG_ON = """
arrived AS (
  INSERT INTO conversations_arrival (inbox_id, external_id, scope, is_first, entry_id)
  SELECT %(inbox)s, %(external_id)s, %(scope)s, true, id FROM added
), body AS (
  INSERT INTO conversations_entrybody (entry_id, full_text, html)
  SELECT id, %(full_text)s, %(html)s FROM added WHERE %(has_body)s
), named AS (
  INSERT INTO conversations_reference (value, entry_id, ours)
  SELECT name, id, false FROM added, unnest(%(names)s::text[]) AS name
  ON CONFLICT DO NOTHING
)
"""


@dataclass(frozen=True)
class InboundFile:
    """A file of a message, known by what describes it; its bytes are read later from `source`."""

    filename: str
    content_type: str
    size: int
    source: str
    sha256: str = ""
    inline: bool = False
    content_id: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Inbound:
    """One message as every channel tells it.

    `external_id` is the channel's name of the message, the same for the same message. `tokens` are
    ticket token ids whose signature was checked; `replies_to` are the names of messages it answers.
    `follows_on` says where a message without such a hint belongs: to the newest ticket of its
    sender (chat, SMS) or to a new one (mail). `quiet` names why nobody waits for an answer to it.
    `also` are further addresses of the sender, as sure as `proof` says. `quotes` is the channel's
    name of the message it was written under.
    """

    inbox: Inbox
    external_id: str
    sender: Address
    proof: str
    text: str
    full_text: str = ""
    html: str = ""
    subject: str = ""
    occurred_at: datetime | None = None
    tokens: tuple[str, ...] = ()
    replies_to: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    follows_on: bool = False
    quiet: str = ""
    late: bool = False
    also: tuple[Address, ...] = ()
    quotes: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    files: tuple[InboundFile, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How an inbound message ended: threaded, duplicate or ignored (with the reason)."""

    state: str
    entry: Entry | None = None
    reason: str = ""


def late(inbound: Inbound) -> Inbound:
    """The same message, marked as one that arrived out of its sender's order."""
    return replace(inbound, late=True)


def receive(inbound: Inbound, *, by_hand: bool = False) -> Outcome:
    """Thread one inbound message. Doing it twice is a duplicate the second time.

    `by_hand` is an agent's word that the message is wanted although its sender is blocked or it is
    an automatic one. Raises Moved where a join came in between, within a transaction that is to be
    begun anew then (`from_the_start`).
    """
    # What is ignored leaves nothing behind, not even a customer for a sender never seen before. One
    # that is ignored for its sender was written by somebody known.
    writes_first = bool(inbound.quiet or inbound.also)
    work = partial(_received, inbound, by_hand=by_hand, undone=writes_first)
    return from_the_start(work, savepoint=writes_first)


def bounced(
    *, names: Iterable[str], recipients: Iterable[str], reason: str, temporary: bool
) -> Outcome:
    """A mail of ours came back. `names` are message names quoted by the bounce.

    A bounce is a claim like any other: it counts only when it quotes a name we made, for a message
    that went to the address it complains about.
    """
    delivery = (
        Delivery.objects.select_related("entry")
        .filter(provider_id__in=[name for name in names if name])
        .first()
    )
    failed = {address.lower() for address in recipients}
    if delivery is None:
        return Outcome(IGNORED, reason="bounce_of_unknown_mail")
    with locked(delivery.entry.origin_id) as thread:
        delivery = Delivery.objects.select_related("entry__ticket", "identity").get(pk=delivery.pk)
        identity = delivery.identity
        hit = identity.value in failed or not failed
        entry = thread.event(
            delivery.entry.ticket,
            "delayed" if temporary else "bounced",
            by=SYSTEM,
            addresses=sorted(failed) or [identity.value],
            reason=reason[:500],
        )
        if hit and not temporary:
            customers.mark_undeliverable(thread, identity, reason=reason)
            _undelivered(thread, delivery, reason)
        return Outcome(THREADED, entry)


def _received(inbound: Inbound, *, by_hand: bool, undone: bool) -> Outcome:
    outcome = _told_to_thread(inbound, by_hand=by_hand)
    if outcome.state == IGNORED and undone:
        transaction.set_rollback(True)
    return outcome


def _told_to_thread(inbound: Inbound, *, by_hand: bool) -> Outcome:
    if inbound.also:
        identity = customers.identity_of(inbound.sender)
        for address in inbound.also:
            proofs.prove(identity, address, proof=inbound.proof)
    with customers.locked_at(inbound.sender, proof=inbound.proof) as thread:
        sender = senders.sender_of(
            thread,
            inbound.inbox,
            inbound.sender,
            inbound.external_id,
            with_tickets=inbound.follows_on,
        )
        if sender.known:
            return _duplicate(thread, inbound, Entry.objects.get(pk=sender.known))
        if sender.identity.blocked_at and not by_hand:
            return Outcome(IGNORED, reason="blocked_sender")
        return _thread_it(thread, inbound, sender, by_hand=by_hand)


def _undelivered(thread: Thread, delivery: Delivery, reason: str) -> None:
    delivery.refresh_from_db()
    if delivery.state in ("sent", "ambiguous"):
        delivery.state, delivery.error_code, delivery.error = "failed", "bounced", reason[:500]
        thread.stamp(delivery, "state", "error_code", "error")
    ticket = delivery.entry.ticket
    if ticket is not None:
        ticket = Ticket.objects.select_related("team").get(pk=ticket.pk)
        if not ticket.is_resolved and ticket.newest_id:
            tickets.needs_us(thread, ticket)


def _duplicate(thread: Thread, inbound: Inbound, entry: Entry) -> Outcome:
    """The same message again, perhaps at another inbox of ours: the entry names that one too."""
    added = Arrival.objects.bulk_create(
        [_arrival(inbound, entry, is_first=False)], ignore_conflicts=True
    )
    if added and entry.inbox_id != inbound.inbox.pk and entry.live_in(thread.conversation):
        also = entry.data.setdefault("also_at", [])
        if inbound.inbox.name not in also:
            also.append(inbound.inbox.name)
            thread.stamp(entry, "data")
    return Outcome(DUPLICATE, entry)


def _thread_it(thread: Thread, inbound: Inbound, sender: Sender, *, by_hand: bool) -> Outcome:
    identity = sender.identity
    ticket, suggested = _ticket_for(thread, inbound, sender)
    quiet = inbound.quiet if not by_hand else ""
    if quiet and ticket is None:
        return Outcome(IGNORED, reason=quiet)
    customers.heard_from(thread, identity, proof=inbound.proof, label=inbound.sender.label)
    if ticket is None:
        ticket = tickets.open_ticket(
            thread,
            origin_id=identity.origin_id,
            team=inbound.inbox.team,
            by=SYSTEM,
            subject=inbound.subject,
            inbox=inbound.inbox,
            restriction=inbound.inbox.restriction,
            suggests=suggested,
        )
    entry = _append(thread, inbound, identity, ticket)
    if quiet:
        tickets.heard(thread, ticket, entry)
    else:
        tickets.customer_wrote(thread, ticket, entry, last=True)
    return Outcome(THREADED, entry)


def _append(thread: Thread, inbound: Inbound, identity: Identity, ticket: Ticket) -> Entry:
    entry = thread.append(
        identity.origin_id,
        ticket=ticket,
        actor=identity.actor,
        kind=Kind.MESSAGE,
        direction=Direction.IN,
        identity=identity,
        inbox=inbound.inbox,
        proof=inbound.proof,
        subject=inbound.subject[:300],
        text=inbound.text,
        data={
            **inbound.data,
            **({"quiet": inbound.quiet} if inbound.quiet else {}),
            **quoted.of(inbound.inbox, inbound.quotes),
        },
        occurred_at=inbound.occurred_at,
        late=inbound.late,
        beside=(HANG_ON, _hanging(inbound)),
    )
    if inbound.files:
        hang_files(thread, entry, inbound.files)
    return entry


def _hanging(inbound: Inbound) -> dict[str, Any]:
    """The arrival, the message's names, and the whole text where the card shows a part."""
    return {
        "inbox": inbound.inbox.pk,
        "external_id": inbound.external_id,
        "scope": inbound.inbox.dedup_scope,
        "full_text": inbound.full_text,
        "html": inbound.html,
        "has_body": bool(
            inbound.html or inbound.full_text.strip() not in ("", inbound.text.strip())
        ),
        "names": [name[:400] for name in inbound.names if name],
    }


def remember_names(entry: Entry, names: Iterable[str], *, ours: bool) -> None:
    """Keep the names (Message-IDs) by which later messages may refer to this one."""
    rows = [Reference(value=name[:400], entry=entry, ours=ours) for name in names if name]
    if rows:
        Reference.objects.bulk_create(rows, ignore_conflicts=True)


def _arrival(inbound: Inbound, entry: Entry, *, is_first: bool) -> Arrival:
    return Arrival(
        inbox=inbound.inbox,
        external_id=inbound.external_id,
        scope=inbound.inbox.dedup_scope,
        is_first=is_first,
        entry=entry,
    )


def hang_files(thread: Thread, entry: Entry, files: Sequence[InboundFile]) -> None:
    """Rows of their own, whose bytes are fetched later."""
    Attachment.objects.bulk_create(
        Attachment(
            entry=entry,
            conversation=thread.conversation,
            rev=thread.next_rev(),
            position=position,
            filename=file.filename[:255],
            content_type=file.content_type[:150],
            size=file.size,
            sha256=file.sha256,
            inline=file.inline,
            content_id=file.content_id[:300],
            source=file.source,
            state="refused" if file.refused else "pending",
            reason=file.refused,
            next_at=None if file.refused else thread.now,
        )
        for position, file in enumerate(files)
    )


def _ticket_for(
    thread: Thread, inbound: Inbound, sender: Sender
) -> tuple[Ticket | None, Ticket | None]:
    """The ticket a message joins, and the one of another conversation it may belong to."""
    named = _named_tickets(inbound)
    own = [ticket for ticket, _ours in named if ticket.conversation_id == thread.conversation.pk]
    for ticket in own:
        if _joins(thread, inbound.inbox, ticket):
            return ticket, None
    if sender.tickets is not None:
        return _newest(thread, inbound.inbox, sender.tickets), None
    elsewhere = [
        ticket
        for ticket, ours in named
        if ours and ticket not in own and _mixes(inbound.inbox, ticket)
    ]
    return None, elsewhere[0] if elsewhere else None


def _named_tickets(inbound: Inbound) -> list[tuple[Ticket, bool]]:
    """Tickets named by checked tokens, else by the messages this one answers; and whether the name
    is one that only we hand out."""
    if inbound.tokens:
        by_token = Ticket.objects.select_related("team").filter(token_id__in=inbound.tokens)
        found = [(ticket, True) for ticket in by_token]
        if found:
            return found
    if not inbound.replies_to:
        return []
    references = (
        Reference.objects.select_related("entry__ticket__team")
        .filter(value__in=list(inbound.replies_to))
        .order_by("-entry__at", "-entry__id")
    )
    return [(row.entry.ticket, row.ours) for row in references if row.entry.ticket is not None]


def _mixes(inbox: Inbox, ticket: Ticket) -> bool:
    """Whether their readers are the same: open with open, restricted with its own inbox."""
    if ticket.restriction != inbox.restriction:
        return False
    return not ticket.restriction or ticket.inbox_id == inbox.pk


def _joins(thread: Thread, inbox: Inbox, ticket: Ticket) -> bool:
    """Only among tickets of the same restriction; a resolved one opens again for a while only."""
    if not _mixes(inbox, ticket):
        return False
    if ticket.resolved_at is None:
        return True
    return thread.now - ticket.resolved_at <= inbox.reopen_within


def newest_of_sender(thread: Thread, inbox: Inbox, identity: Identity) -> Ticket | None:
    """Chat, SMS, social: the ticket last active on that identity (or on one shown with it), else
    the only unresolved one."""
    return _newest(thread, inbox, senders.tickets_of(thread, inbox, identity))


def _newest(thread: Thread, inbox: Inbox, found: Sequence[tuple[Ticket, bool]]) -> Ticket | None:
    for ticket, is_last in found:
        if is_last and _joins(thread, inbox, ticket):
            return ticket
    open_ones = [ticket for ticket, _last in found if not ticket.is_resolved]
    mixing = [ticket for ticket in open_ones if _mixes(inbox, ticket)]
    return mixing[0] if len(mixing) == 1 else None
