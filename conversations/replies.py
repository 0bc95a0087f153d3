"""What we write: replies that go out, notes that stay in, and the check that nobody answers on
stale context."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversations import going_out, ownership, promised, tickets, windows
from conversations.errors import BadInput, Moved, NotReachable, StaleContext, WindowClosed
from conversations.going_out import MAX_TEXT, Outgoing
from conversations.models import (
    Agent,
    Attachment,
    Entry,
    HeldSend,
    HeldState,
    Kind,
    Status,
    Ticket,
)
from conversations.sweeping import each
from conversations.thread import SYSTEM, Actor, Thread, database_now, locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

BATCH = 50
LONGEST_WAIT = timedelta(days=366)


# Asked before each reply, and nearly always in vain. Spelled as the unique indexes have it.
DONE = """
SELECT FROM conversations_heldsend WHERE actor = %(actor)s AND client_token = %(token)s
UNION ALL
SELECT FROM conversations_entry WHERE actor = %(actor)s AND client_token = %(token)s
  AND direction <> 'in' AND kind <> 'event'
LIMIT 1
"""


def reply(
    ticket: Ticket,
    *,
    by: Agent,
    outgoing: Outgoing,
    seen_head: int,
    client_token: UUID,
    attachments: Sequence[Attachment] = (),
    anyway: bool = False,
    confirmed: bool = False,
    at: datetime | None = None,
) -> Entry | HeldSend:
    """Send a message to the customer, or hold it: for the inbox's undo window, or until `at`
    (aware, within a year). What comes in until then stops it.

    The same (author, client_token) again answers with what the first call made. Raises StaleContext
    with what is newer than `seen_head` (unless `anyway`), ClaimedAddress (unless `confirmed`),
    PromisesOpen where it would resolve the ticket, WindowClosed, NotReachable, BadInput, Moved.
    """
    outgoing = outgoing.checked()
    actor = Actor.of(by)
    with locked(ticket.origin_id) as thread:
        done = _done_before(actor, client_token)
        if done:
            return done
        fresh = Ticket.objects.select_related("team").get(pk=ticket.pk)
        identity, inbox = going_out.way_out(thread, fresh, outgoing, confirmed=confirmed)
        outgoing = going_out.worded(outgoing, inbox)
        if outgoing.template and attachments:
            raise BadInput(_("A template takes no files. Take them out, or send them apart."))
        if at and not outgoing.template and not windows.is_open(inbox, identity, at=at):
            raise WindowClosed(
                _("Free text ends there before that time. Choose an earlier one, or a template.")
            )
        check_context(thread, by=by, seen_head=seen_head, anyway=anyway)
        if outgoing.then == Status.RESOLVED:
            promised.require_none(fresh)
        if at or inbox.undo_window:
            until = _in_time(thread, at) if at else thread.now + inbox.undo_window
            held = _hold(thread, fresh, by, outgoing, client_token, until, scheduled=bool(at))
            if attachments:
                held.attachments.set(attachments)
            return held
        return going_out.send(
            thread, fresh, by, outgoing, client_token, identity, inbox, attachments
        )


def note(
    ticket: Ticket,
    *,
    by: Agent,
    text: str,
    client_token: UUID,
    attachments: Sequence[Attachment] = (),
) -> Entry:
    """Write an internal note. It never leaves the desk and changes nobody's turn."""
    if not text.strip():
        raise BadInput(_("Write something first."))
    if len(text) > MAX_TEXT:
        raise BadInput(_("This note is too long. Put the long part in a file."))
    going_out.refuse_nul(text)
    actor = Actor.of(by)
    with locked(ticket.origin_id) as thread:
        done = Entry.objects.sent_as(actor.actor, client_token).first()
        if done:
            return done
        fresh = Ticket.objects.get(pk=ticket.pk)
        entry = thread.append(
            fresh.origin_id,
            ticket=fresh,
            actor=actor.actor,
            agent=by,
            kind=Kind.NOTE,
            text=text.strip(),
            client_token=client_token,
        )
        going_out.attach(thread, entry, attachments)
        fresh.newest, fresh.active_at = entry, thread.now
        thread.stamp(fresh, "newest", "active_at")
        return entry


def undo(held: HeldSend) -> HeldSend:
    """Take a held reply back. Raises BadInput when it has gone out already."""
    with locked(held.ticket.origin_id) as thread:
        fresh = HeldSend.objects.get(pk=held.pk)
        if fresh.state == HeldState.RELEASED:
            raise BadInput(_("Too late: it has been sent."))
        if fresh.state != HeldState.UNDONE:
            fresh.state = HeldState.UNDONE
            thread.stamp(fresh, "state")
        return fresh


def send_held(held: HeldSend, *, seen_head: int) -> Entry | None:
    """Send a reply that something new had stopped, now that its author has read that; or one that
    waits for its time, before it. Raises NotReachable; None where something newer stops it."""
    return _release(held.pk, seen_head=seen_head)


def release_due() -> int:
    """Send the held replies whose time has come. Returns how many went out."""
    due = HeldSend.objects.filter(state=HeldState.HELD, release_at__lte=database_now())
    return each(list(due.order_by("release_at").values_list("pk", flat=True)[:BATCH]), _release)


def check_context(thread: Thread, *, by: Agent, seen_head: int, anyway: bool) -> None:
    """Raises Moved when the page is from before a join, StaleContext with the newer rows."""
    if seen_head < thread.conversation.reset_head or seen_head > thread.head:
        raise Moved
    # Every row's change number is at most the head, so at the head there is nothing newer.
    if anyway or seen_head == thread.head:
        return
    newer = list(newer_than(thread, by=by, seen_head=seen_head)[:20])
    if newer:
        raise StaleContext(sorted(newer, key=lambda entry: (entry.at, entry.pk)), thread.head)


def newer_than(thread: Thread, *, by: Agent, seen_head: int) -> Any:
    """What an author must have read before writing: the customer's messages, messages and notes of
    others, and changes of owner by others; not receipts, own writes or other events. In the order
    of change: asked for in that of the thread, PostgreSQL walks through all entries of all."""
    return (
        Entry.objects.visible_to(by)
        .with_people()
        .filter(conversation=thread.conversation, rev__gt=seen_head)
        .filter(
            Q(kind__in=(Kind.MESSAGE, Kind.NOTE, Kind.CALL))
            | Q(kind=Kind.EVENT, event__in=ownership.OWNER_EVENTS)
        )
        .exclude(actor=by.actor)
        .exclude(actor=SYSTEM.actor, kind=Kind.MESSAGE)
        .order_by("rev")
    )


def _release(pk: int, *, seen_head: int | None = None) -> Entry | None:
    """By its time, or with `seen_head` by its author."""
    held = HeldSend.objects.select_related("ticket", "agent").get(pk=pk)
    with locked(held.ticket.origin_id) as thread:
        fresh = HeldSend.objects.select_related("ticket__team", "agent").get(pk=pk)
        by_author = seen_head is not None
        if not fresh.waits or (fresh.state == HeldState.STOPPED and not by_author):
            return fresh.entry
        outgoing = Outgoing(**fresh.payload)
        try:
            _require_reader(fresh.agent, fresh.ticket)
            check_context(
                thread,
                by=fresh.agent,
                seen_head=seen_head if seen_head is not None else fresh.seen_head,
                anyway=False,
            )
            identity, inbox = going_out.way_out(thread, fresh.ticket, outgoing, confirmed=True)
        except (StaleContext, Moved, NotReachable, WindowClosed) as error:
            if by_author and isinstance(error, NotReachable | WindowClosed):
                raise
            _stop(thread, fresh)
            return None
        entry = going_out.send(
            thread,
            fresh.ticket,
            fresh.agent,
            outgoing,
            fresh.client_token,
            identity,
            inbox,
            list(fresh.attachments.all()),
        )
        fresh.state, fresh.entry = HeldState.RELEASED, entry
        thread.stamp(fresh, "state", "entry")
        return entry


def _stop(thread: Thread, held: HeldSend) -> None:
    """Its author looks at the undo window, but not at what they left for later: then the ticket
    comes back to whoever answers for it."""
    held.state = HeldState.STOPPED
    thread.stamp(held, "state")
    if held.scheduled:
        tickets.needs_us(thread, held.ticket)


def _require_reader(agent: Agent, ticket: Ticket) -> None:
    """Who may not read the ticket any more has not read what is new in it either."""
    readable = Ticket.objects.visible_to(agent).filter(pk=ticket.pk)
    if not (agent.is_active and readable.exists()):
        raise NotReachable(_("Who wrote this has left."))


def _in_time(thread: Thread, at: datetime) -> datetime:
    if at <= thread.now:
        raise BadInput(_("Choose a time in the future."))
    if at > thread.now + LONGEST_WAIT:
        raise BadInput(_("That is more than a year away. Choose an earlier time."))
    return at


def _hold(
    thread: Thread,
    ticket: Ticket,
    by: Agent,
    outgoing: Outgoing,
    client_token: UUID,
    until: datetime,
    *,
    scheduled: bool,
) -> HeldSend:
    rev = thread.next_rev()
    return HeldSend.objects.create(
        ticket=ticket,
        agent=by,
        actor=by.actor,
        client_token=client_token,
        payload=asdict(outgoing),
        rev=rev,
        seen_head=rev,
        held_at=thread.now,
        release_at=until,
        scheduled=scheduled,
    )


def sent_before(by: Agent, client_token: UUID) -> Entry | HeldSend | None:
    """What an earlier try with the same token made, whatever would refuse it now."""
    return _done_before(Actor.of(by), client_token) or (
        Entry.objects.sent_as(by.actor, client_token).first()
    )


def _done_before(actor: Actor, client_token: UUID) -> Entry | HeldSend | None:
    with connection.cursor() as cursor:
        cursor.execute(DONE, {"actor": actor.actor, "token": client_token})
        if cursor.fetchone() is None:
            return None
    held = HeldSend.objects.filter(actor=actor.actor, client_token=client_token).first()
    if held:
        return held.entry or held
    return Entry.objects.sent_as(actor.actor, client_token).filter(kind=Kind.MESSAGE).first()
