"""Promises to customers: made, kept, put off, no longer needed, and told of before they are due.

A promise whose time is over stays open, and is shown as overdue: what was promised is still owed,
and whatever closed it by itself would have it forgotten. It is broken when somebody says so, and
also when it is done late: the customer was told a time. Putting an overdue one off is a broken
promise and a new one, so that no new time makes up for an old one.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from conversations import promised, tickets
from conversations.errors import BadInput, Moved, PromiseOver
from conversations.models import Entry, Promise, PromiseState, Status, Ticket
from conversations.models.promises import LONGEST_PROMISE
from conversations.sweeping import each
from conversations.thread import SYSTEM, Actor, database_now, locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from conversations.models import Agent
    from conversations.thread import Thread

WARN_BEFORE: Final = timedelta(minutes=30)
FARTHEST: Final = timedelta(days=366)
BATCH: Final = 100


def promise(
    ticket: Ticket,
    *,
    by: Agent,
    text: str,
    due_at: datetime,
    channel: str = "",
    entry: Entry | None = None,
) -> Promise:
    """What we will do for the customer of this ticket, and by when (aware, at most a year ahead);
    `entry` is the message or note of the ticket that says so.

    The same open promise again answers with the first. Raises BadInput for no text, a time that is
    over or far away, a resolved ticket, and an entry that isn't a message or note of the ticket.
    """
    words = _one_line(text)
    with locked(ticket.origin_id) as thread:
        fresh = Ticket.objects.select_related("team").get(pk=ticket.pk)
        before = Promise.objects.open().filter(ticket=fresh, entry=entry, text=words).first()
        if before:
            return _same(before, due_at)
        _check(thread, fresh, entry, due_at)
        made = _make(thread, fresh, by, words, due_at, channel, entry)
        promised.rearm(thread, fresh)
        return made


def keep(promise: Promise, *, by: Agent) -> Promise:
    """It is done. When its time is over, that is a broken promise, done late. Doing it again
    changes nothing. Raises PromiseOver for one that ended otherwise."""
    with _locked(promise) as (thread, fresh):
        if fresh.state == PromiseState.KEPT or fresh.late:
            return fresh
        _require_open(fresh)
        promised.keep(thread, fresh, by=Actor.of(by))
        promised.rearm(thread, fresh.ticket)
        return fresh


def give_up(promise: Promise, *, by: Agent) -> Promise:
    """It is broken: it was not done, and won't be. Doing it again changes nothing. Raises
    PromiseOver for one that ended otherwise."""
    with _locked(promise) as (thread, fresh):
        if fresh.state == PromiseState.BROKEN and not fresh.late:
            return fresh
        _require_open(fresh)
        promised.close(thread, fresh, PromiseState.BROKEN, by=Actor.of(by))
        promised.rearm(thread, fresh.ticket)
        return fresh


def withdraw(promise: Promise, *, by: Agent, reason: str) -> Promise:
    """It is no longer needed, and why; also when it is overdue. Doing it again changes nothing.
    Raises PromiseOver for one that ended otherwise, BadInput without a reason."""
    why = _one_line(reason)
    with _locked(promise) as (thread, fresh):
        if fresh.state == PromiseState.WITHDRAWN:
            return fresh
        _require_open(fresh)
        promised.close(thread, fresh, PromiseState.WITHDRAWN, by=Actor.of(by), reason=why)
        promised.rearm(thread, fresh.ticket)
        return fresh


def reschedule(promise: Promise, *, by: Agent, due_at: datetime) -> Promise:
    """The customer was told another time. Answers with the promise that stands: this one, or a new
    one in the place of one that was overdue. Raises PromiseOver, BadInput for the time."""
    with _locked(promise) as (thread, fresh):
        _require_open(fresh)
        if fresh.due_at == due_at:
            return fresh
        _check_time(thread, due_at)
        if fresh.due_at <= thread.now:
            promised.close(thread, fresh, PromiseState.BROKEN, by=Actor.of(by))
            ticket, text, channel = fresh.ticket, fresh.text, fresh.channel
            fresh = _make(thread, ticket, by, text, due_at, channel, fresh.entry)
        else:
            fresh.due_at, fresh.warned_at = due_at, None
            fresh.warn_at = _warn_at(thread, due_at)
            thread.stamp(fresh, "due_at", "warn_at", "warned_at")
            thread.event(fresh.ticket, "promise_put_off", by=Actor.of(by), **fresh.told())
        promised.rearm(thread, fresh.ticket)
        return fresh


def warn_due() -> int:
    """Tell the owners of promises that are due soon, once each, and bring back what is out of
    sight. Returns how many."""
    rows = Promise.objects.to_warn(database_now()).select_related("ticket").order_by("warn_at")
    return each(list(rows[:BATCH]), _warn)


def dismiss(entry: Entry, *, by: Agent) -> Entry:
    """Its author looked: what sounds like a promise in it is none, or needs no watch."""
    with locked(entry.origin_id) as thread:
        fresh = Entry.objects.get(pk=entry.pk)
        if not fresh.data.get("no_promise"):
            fresh.data = {**fresh.data, "no_promise": by.pk}
            thread.stamp(fresh, "data")
        return fresh


def _warn(promise: Promise) -> bool:
    with _locked(promise) as (thread, fresh):
        if not fresh.is_open or fresh.warned_at or fresh.warn_at > thread.now:
            return False
        fresh.warned_at = thread.now
        thread.stamp(fresh, "warned_at")
        ticket = fresh.ticket
        if ticket.status in (Status.SNOOZED, Status.PENDING):
            tickets.bring_back(thread, ticket, reason="promise")
        thread.event(ticket, "promise_due", by=SYSTEM, **fresh.told())
        thread.touched(ticket, promised=True)
        return True


@contextmanager
def _locked(promise: Promise) -> Iterator[tuple[Thread, Promise]]:
    """With its conversation locked, as it is now. Raises Moved when its message went to another
    conversation meanwhile."""
    with locked(promise.ticket.origin_id) as thread:
        rows = Promise.objects.select_related("ticket__team", "entry", "made_by")
        fresh = rows.get(pk=promise.pk)
        if fresh.ticket.conversation_id != thread.conversation.pk:
            raise Moved
        yield thread, fresh


def _make(
    thread: Thread,
    ticket: Ticket,
    by: Agent,
    text: str,
    due_at: datetime,
    channel: str,
    entry: Entry | None,
) -> Promise:
    made = Promise.objects.create(
        ticket=ticket,
        rev=thread.next_rev(),
        entry=entry,
        text=text,
        channel=channel,
        due_at=due_at,
        warn_at=_warn_at(thread, due_at),
        made_by=by,
        actor=by.actor,
        made_at=thread.now,
        epoch=ticket.owner_epoch,
    )
    thread.event(ticket, "promised", by=Actor.of(by), **made.told())
    return made


def _warn_at(thread: Thread, due_at: datetime) -> datetime:
    """Half an hour before, or halfway where there is less than an hour left."""
    return due_at - min(WARN_BEFORE, (due_at - thread.now) / 2)


def _check(thread: Thread, ticket: Ticket, entry: Entry | None, due_at: datetime) -> None:
    if ticket.is_resolved:
        raise BadInput(_("This is resolved. Open it again before you promise something."))
    _check_time(thread, due_at)
    if entry is None:
        return
    found = Entry.objects.filter(pk=entry.pk, ticket=ticket, withdrawn_at=None)
    if not found.exclude(kind="event").exists():
        raise BadInput(_("A promise is made in a message or note of its own matter."))


def _check_time(thread: Thread, due_at: datetime) -> None:
    if due_at <= thread.now:
        raise BadInput(_("Choose a time in the future."))
    if due_at > thread.now + FARTHEST:
        raise BadInput(_("That is more than a year away. Choose a nearer time."))


def _same(before: Promise, due_at: datetime) -> Promise:
    """What a second press of the button means."""
    if before.due_at != due_at:
        raise BadInput(_("This is promised already. Give that promise another time instead."))
    return before


def _require_open(promise: Promise) -> None:
    if not promise.is_open:
        raise PromiseOver


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        raise BadInput(_("Say it in a few words."))
    if len(line) > LONGEST_PROMISE or "\x00" in line:
        raise BadInput(_("Say it in one line of at most 200 letters."))
    return line
