"""What becomes of a ticket's promises, under the lock of its conversation.

Promises have no owner: they follow their ticket, whoever gets it. What ends the matter has to end
them, and the message a promise was made in takes it along to another matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.models import Min
from django.utils.translation import gettext_lazy as _

from conversations import deadlines
from conversations.errors import BadInput, PromiseOver, PromisesOpen
from conversations.models import Promise, PromiseState

if TYPE_CHECKING:
    from conversations.models import Entry, Ticket
    from conversations.thread import Actor, Thread

KEPT: Final = "kept"
WITHDRAWN: Final = "withdrawn"
RESOLVED: Final = "resolved"


def require_none(ticket: Ticket) -> None:
    """Raises PromisesOpen with what is still promised."""
    if ticket.promised_at is not None:
        raise PromisesOpen(list(Promise.objects.open().filter(ticket=ticket).order_by("due_at")))


def settle(thread: Thread, ticket: Ticket, *, how: str, by: Actor) -> None:
    """The matter is finished, and its open promises with it: `how` is "kept" or "withdrawn".

    Raises PromisesOpen where there are any and nobody says how.
    """
    if how not in (KEPT, WITHDRAWN):
        require_none(ticket)
        return
    if ticket.promised_at is None:
        return
    for promise in Promise.objects.open().filter(ticket=ticket).order_by("due_at", "pk"):
        promise.ticket = ticket
        if how == KEPT:
            keep(thread, promise, by=by)
        elif promise.due_at <= thread.now:
            close(thread, promise, PromiseState.BROKEN, by=by)
        else:
            close(thread, promise, PromiseState.WITHDRAWN, by=by, reason=RESOLVED)
    deadlines.promised(ticket, None)
    thread.touched(ticket, promised=True)


def keep(thread: Thread, promise: Promise, *, by: Actor) -> None:
    """It was done: in time, or late, which is a broken one."""
    if promise.due_at < thread.now:
        close(thread, promise, PromiseState.BROKEN, by=by, late=True)
    else:
        close(thread, promise, PromiseState.KEPT, by=by)


def close(thread: Thread, promise: Promise, state: str, *, by: Actor, **fields: Any) -> None:
    """Compare and set: only what is still open. Raises PromiseOver."""
    told = {
        "state": state,
        "closed_at": thread.now,
        "closed_by_id": by.agent_id,
        "closed_epoch": promise.ticket.owner_epoch,
        "rev": thread.head + 1,
        **fields,
    }
    if not Promise.objects.open().filter(pk=promise.pk).update(**told):
        raise PromiseOver
    thread.next_rev()
    for name, value in told.items():
        setattr(promise, name, value)
    event = "promise_kept_late" if promise.late else f"promise_{state}"
    thread.event(promise.ticket, event, by=by, **promise.told(), reason=promise.reason)


def rearm(thread: Thread, ticket: Ticket) -> None:
    """The ticket's deadline after its open promises changed."""
    _count(ticket)
    thread.stamp(ticket, "promised_at", *deadlines.FIELDS)
    thread.touched(ticket, promised=True)


def rearm_apart(ticket: Ticket) -> None:
    """The same where all pages of its conversation are loaded anew anyway."""
    _count(ticket)
    ticket.save(update_fields=["promised_at", *deadlines.FIELDS])


def follow(thread: Thread, entry: Entry, source: Ticket, target: Ticket) -> bool:
    """What an entry promises goes with it to another ticket, whose owner has to keep it; what was
    settled stays where it was settled. Returns whether there was any: the other ticket's deadline
    is the caller's to see to.

    Raises BadInput where the other matter is resolved.
    """
    moving = list(Promise.objects.open().filter(entry=entry, ticket=source).order_by("pk"))
    if moving and target.is_resolved:
        raise BadInput(
            _("This message holds an open promise. Open that matter first, or settle the promise.")
        )
    for promise in moving:
        promise.ticket, promise.epoch = target, target.owner_epoch
        thread.stamp(promise, "ticket", "epoch")
    if moving:
        rearm(thread, target)
    return bool(moving)


def _count(ticket: Ticket) -> None:
    rows = Promise.objects.open().filter(ticket=ticket)
    deadlines.promised(ticket, rows.aggregate(at=Min("due_at"))["at"])
