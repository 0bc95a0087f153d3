"""Promises as most tests make them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pgtrigger

from conversations import promises
from conversations.models import Promise, Ticket
from conversations.promised import rearm
from conversations.thread import MICROSECOND, database_now, locked

if TYPE_CHECKING:
    from tests.builders import Cast


def promised(ticket: Ticket, cast: Cast, **fields: Any) -> Promise:
    """By Alice, to call back in two hours, unless others are given."""
    told: dict[str, Any] = {"by": cast.alice, "text": "Call back", "channel": "phone", **fields}
    told.setdefault("due_at", database_now() + timedelta(hours=2))
    return promises.promise(ticket, **told)


def due_soon(promise: Promise) -> Promise:
    """The time to warn of it has come, and nobody has looked yet."""
    Promise.objects.filter(pk=promise.pk).update(warn_at=database_now() - MICROSECOND)
    return now_of(promise)


def overdue(promise: Promise) -> Promise:
    """Made two hours ago, and over since a moment."""
    fresh = Promise.objects.select_related("ticket").get(pk=promise.pk)
    with (
        pgtrigger.ignore("conversations.Promise:promise_as_it_was_made"),
        locked(fresh.ticket.origin_id) as thread,
    ):
        fresh.made_at = thread.now - timedelta(hours=2)
        fresh.warn_at, fresh.due_at = thread.now - timedelta(hours=1), thread.now
        thread.stamp(fresh, "made_at", "warn_at", "due_at")
        rearm(thread, fresh.ticket)
    return now_of(promise)


def now_of(promise: Promise) -> Promise:
    return Promise.objects.get(pk=promise.pk)
