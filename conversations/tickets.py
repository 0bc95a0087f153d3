"""What happens to one matter: it opens, waits, sleeps, is resolved, comes back; entries move into
it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from conversations import deadlines, offers, ownership, promised
from conversations.errors import BadInput
from conversations.models import DeadlineKind, Entry, Inbox, Status, Team, Ticket
from conversations.sweeping import each
from conversations.thread import SYSTEM, Actor, Thread, database_now, locked
from conversations.wake import assign_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from conversations.models import Agent

BATCH = 100
Noted = dict[str, Any] | None
MATTER = ("status", "promised_at", *deadlines.FIELDS, "resolved_at")


def open_ticket(
    thread: Thread,
    *,
    origin_id: int,
    team: Team,
    by: Actor,
    subject: str = "",
    inbox: Inbox | None = None,
    restriction: str = "",
    suggests: Ticket | None = None,
) -> Ticket:
    """A new matter of this conversation: open, owned by its team, to be answered in the team's
    time."""
    ticket = Ticket(
        conversation=thread.conversation,
        origin_id=origin_id,
        rev=thread.next_rev(),
        subject=subject[:300],
        team=team,
        inbox=inbox,
        restriction=restriction,
        suggests=suggests,
        deadline_at=thread.now + team.respond_within,
        deadline_kind=DeadlineKind.RESPOND,
        opened_at=thread.now,
        active_at=thread.now,
    )
    ownership.begin(thread, ticket, by)
    thread.touched(ticket)
    thread.event(ticket, "opened", by=by, team_name=team.name, inbox_name=str(inbox or ""))
    assign_in(team)
    return ticket


def customer_wrote(thread: Thread, ticket: Ticket, newest: Entry, *, last: bool = False) -> None:
    """It's our turn: open, with a respond-by that runs from the first message not answered yet.
    With `last` nothing else happens to the ticket under this lock."""
    ticket.newest, ticket.active_at = newest, thread.now
    fields = ["newest", "active_at"]
    was = ticket.status
    if was == Status.RESOLVED:
        ownership.release_if_gone(thread, ticket)
    if was != Status.OPEN or deadlines.turn(ticket)[1] != DeadlineKind.RESPOND:
        _await_us(thread, ticket)
        fields += MATTER
    stamp = thread.stamp_last if last else thread.stamp
    stamp(ticket, *fields)
    if was == Status.RESOLVED:
        thread.event(ticket, "reopened", by=SYSTEM, reason="customer_wrote")
    elif was == Status.SNOOZED:
        thread.event(ticket, "woke", by=SYSTEM, reason="customer_wrote")


def heard(thread: Thread, ticket: Ticket, newest: Entry) -> None:
    """Something arrived that asks for no answer (an automatic reply): it is shown, no more."""
    ticket.newest, ticket.active_at = newest, thread.now
    thread.stamp(ticket, "newest", "active_at")


def we_wrote(thread: Thread, ticket: Ticket, newest: Entry, *, then: str = Status.PENDING) -> None:
    """It's the customer's turn, or done, as the sender chose; not while a promise is open."""
    ticket.newest, ticket.active_at = newest, thread.now
    if then == Status.RESOLVED and ticket.promised_at is not None:
        then = Status.PENDING
    if then == Status.PENDING and _is_overdue(thread, ticket):
        then = Status.OPEN
    if then == Status.RESOLVED:
        _finish(thread, ticket)
    elif then == Status.OPEN:
        _await_us(thread, ticket)
    else:
        _await_customer(thread, ticket)
    thread.stamp(ticket, "newest", "active_at", *MATTER)
    if then == Status.RESOLVED:
        thread.event(ticket, "resolved", by=_author(newest))


def needs_us(thread: Thread, ticket: Ticket) -> None:
    """An answer of ours did not arrive: somebody has to look."""
    if ticket.status == Status.RESOLVED:
        ownership.release_if_gone(thread, ticket)
    if ticket.status != Status.OPEN:
        _await_us(thread, ticket)
        thread.stamp(ticket, *MATTER)


def finish(thread: Thread, ticket: Ticket, *, by: Actor) -> None:
    """Its owner says that it is done."""
    _finish(thread, ticket)
    thread.stamp(ticket, *MATTER)
    thread.event(ticket, "resolved", by=by)


def resolve(ticket: Ticket, *, by: Agent, promises: str = "") -> Ticket:
    """`promises` says what becomes of those that are open: "kept", or "withdrawn" (no longer
    needed; those that are overdue are broken). Raises PromisesOpen where it doesn't."""

    def change(thread: Thread, fresh: Ticket) -> Noted:
        promised.settle(thread, fresh, how=promises, by=Actor.of(by))
        _finish(thread, fresh)
        return {}

    return _set(ticket, Status.RESOLVED, "resolved", by, change)


def reopen(ticket: Ticket, *, by: Agent) -> Ticket:
    def change(thread: Thread, fresh: Ticket) -> Noted:
        if fresh.status == Status.RESOLVED:
            ownership.release_if_gone(thread, fresh)
        _await_us(thread, fresh)
        return {}

    return _set(ticket, Status.OPEN, "reopened", by, change)


def set_pending(ticket: Ticket, *, by: Agent) -> Ticket:
    """Raises BadInput while a promise is overdue."""

    def change(thread: Thread, fresh: Ticket) -> Noted:
        _require_not_overdue(thread, fresh)
        if fresh.status == Status.RESOLVED:
            ownership.release_if_gone(thread, fresh)
        _await_customer(thread, fresh)
        return {}

    return _set(ticket, Status.PENDING, "pending", by, change)


def snooze(ticket: Ticket, *, until: datetime, by: Agent) -> Ticket:
    """Out of sight until a time (aware, in the future), until the customer writes, or until
    something promised is due soon. Raises BadInput for the time, and while a promise is overdue."""

    def change(thread: Thread, fresh: Ticket) -> Noted:
        if fresh.status == Status.SNOOZED and deadlines.turn(fresh)[0] == until:
            return None
        if until <= thread.now:
            raise BadInput(_("Choose a time in the future."))
        _require_not_overdue(thread, fresh)
        if fresh.status == Status.RESOLVED:
            ownership.release_if_gone(thread, fresh)
        fresh.status, fresh.resolved_at = Status.SNOOZED, None
        deadlines.arm(fresh, until, DeadlineKind.WAKE)
        return {"until": until.isoformat()}

    return _set(ticket, None, "snoozed", by, change)


def rename(ticket: Ticket, *, subject: str, by: Agent) -> Ticket:
    with locked(ticket.origin_id) as thread:
        fresh = _fresh(ticket)
        if fresh.subject != subject[:300]:
            fresh.subject = subject[:300]
            thread.stamp(fresh, "subject")
            thread.event(fresh, "renamed", by=Actor.of(by), subject=fresh.subject)
        return fresh


def dismiss_suggestion(ticket: Ticket, *, by: Agent) -> Ticket:
    """An agent looked: this does not belong to the conversation it may have belonged to."""
    with locked(ticket.origin_id) as thread:
        fresh = _fresh(ticket)
        if fresh.suggests_id is not None:
            fresh.suggests = None
            thread.stamp(fresh, "suggests")
            thread.event(fresh, "match_dismissed", by=Actor.of(by))
        return fresh


def move_entry(entry: Entry, *, to: Ticket | None, by: Agent) -> Entry:
    """Put an entry under another ticket of the same conversation; None opens a new one for it.

    Raises BadInput when the ticket is of another conversation, or of another restriction.
    """
    with locked(entry.origin_id) as thread:
        fresh = Entry.objects.select_related("ticket__team").get(pk=entry.pk)
        source = fresh.ticket
        if source is None:
            raise BadInput(_("This line belongs to the whole conversation and can't be moved."))
        target = _fresh(to) if to else _split_off(thread, source, by)
        if target.pk == source.pk:
            return fresh
        if target.conversation_id != thread.conversation.pk:
            raise BadInput(_("That matter belongs to another conversation."))
        if target.restriction != source.restriction:
            raise BadInput(_("Restricted messages can't be mixed with open ones."))
        fresh.ticket = target
        thread.stamp(fresh, "ticket")
        if promised.follow(thread, fresh, source, target):
            promised.rearm(thread, source)
        for ticket in (source, target):
            ticket.newest = newest_entry(ticket)
            thread.stamp(ticket, "newest")
        thread.event(target, "moved", by=Actor.of(by), seq=fresh.seq, from_subject=source.subject)
        if source.restriction and source.team_id != target.team_id:
            thread.start_over()
        return fresh


def wake_due() -> int:
    """Bring back snoozed and pending tickets whose time has come. Returns how many."""
    due = Ticket.objects.due(database_now()).order_by("deadline_at")[:BATCH]
    return each(list(due), _wake)


def _wake(ticket: Ticket) -> bool:
    with locked(ticket.origin_id) as thread:
        fresh = _fresh(ticket)
        if (
            fresh.status not in (Status.SNOOZED, Status.PENDING)
            or fresh.deadline_at is None
            or fresh.deadline_at > thread.now
        ):
            return False
        reason = "time" if fresh.status == Status.SNOOZED else "no_answer"
        promise = fresh.deadline_kind == DeadlineKind.PROMISE
        bring_back(thread, fresh, reason="promise" if promise else reason)
        return True


def bring_back(thread: Thread, ticket: Ticket, *, reason: str) -> None:
    """Back to us, under the lock."""
    _await_us(thread, ticket)
    thread.stamp(ticket, *MATTER)
    thread.event(ticket, "woke", by=SYSTEM, reason=reason)


def _set(
    ticket: Ticket,
    status: str | None,
    event: str,
    by: Agent,
    change: Callable[[Thread, Ticket], Noted],
) -> Ticket:
    """`change` answers with what the event tells, or None when nothing changes."""
    with locked(ticket.origin_id) as thread:
        fresh = _fresh(ticket)
        if fresh.status == status:
            return fresh
        data = change(thread, fresh)
        if data is None:
            return fresh
        thread.stamp(fresh, *MATTER)
        thread.event(fresh, event, by=Actor.of(by), **data)
        return fresh


def _fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_related("team").get(pk=ticket.pk)


def _await_us(thread: Thread, ticket: Ticket) -> None:
    ticket.status, ticket.resolved_at = Status.OPEN, None
    deadlines.arm(ticket, thread.now + ticket.team.respond_within, DeadlineKind.RESPOND)
    assign_in(ticket.team)


def _await_customer(thread: Thread, ticket: Ticket) -> None:
    ticket.status, ticket.resolved_at = Status.PENDING, None
    deadlines.arm(ticket, thread.now + ticket.team.follow_up_after, DeadlineKind.FOLLOW_UP)


def _finish(thread: Thread, ticket: Ticket) -> None:
    offers.withdraw(thread, ticket, cause="resolved")
    ticket.status, ticket.resolved_at = Status.RESOLVED, thread.now
    deadlines.disarm(ticket)
    assign_in(ticket.team)


def _is_overdue(thread: Thread, ticket: Ticket) -> bool:
    return ticket.promised_at is not None and ticket.promised_at <= thread.now


def _require_not_overdue(thread: Thread, ticket: Ticket) -> None:
    """It would be back at once."""
    if _is_overdue(thread, ticket):
        raise BadInput(
            _("Something you promised here is overdue. Settle it, or give it another time first.")
        )


def _split_off(thread: Thread, source: Ticket, by: Agent) -> Ticket:
    return open_ticket(
        thread,
        origin_id=source.origin_id,
        team=source.team,
        by=Actor.of(by),
        subject=source.subject,
        inbox=source.inbox,
        restriction=source.restriction,
    )


def newest_entry(ticket: Ticket) -> Entry | None:
    return ticket.entries.exclude(kind="event").order_by("-at", "-id").first()


def _author(entry: Entry) -> Actor:
    return Actor(entry.actor, entry.agent_id, entry.bot_id)
