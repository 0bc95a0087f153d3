"""What begins anew on a desk that was put back, since the world outside went on after the backup.

What waited to be sent may have been sent since, so it is not sent by itself. And whoever knows a
place in a conversation, a page, a program or a customer's window, may know one that is to come
again and mean something else: all of them have to read anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.db import connection, transaction
from django.utils.translation import gettext as _

from channels_inbox.chat import fallback
from conversations import deliveries, replies
from conversations.deliveries import Lease
from conversations.models import Delivery, HeldSend, HeldState
from conversations.models.identities import SHOWN_BY_US
from conversations.sweeping import each
from conversations.thread import database_now

# As if a worker had handed each over and died. Until somebody has decided, none is tried again.
HANDED_OVER: Final = """
UPDATE conversations_delivery
SET state = 'sending', attempt_at = coalesce(attempt_at, clock_timestamp()),
    handed_at = clock_timestamp(), lease_until = clock_timestamp(), lease_epoch = lease_epoch + 1
WHERE state IN ('queued', 'sending')
RETURNING id, lease_epoch
"""
HEADS: Final = """
UPDATE conversations_conversation SET head = head + %(ahead)s, reset_head = head + %(ahead)s
"""
STREAMS: Final = """
UPDATE conversations_identity
SET public_rev = public_rev + %(ahead)s, public_reset = public_rev + %(ahead)s
WHERE kind = ANY(%(kinds)s)
"""


def begin(ahead: int) -> int:
    """Mark what may have been sent, and let the counts of conversations and of customers' windows
    go on `ahead` of where they were. Returns how many messages may have been sent."""
    _release_all()
    doubtful = _doubt_all()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(HEADS, {"ahead": ahead})
        cursor.execute(STREAMS, {"ahead": ahead, "kinds": list(SHOWN_BY_US)})
    return doubtful


def _release_all() -> None:
    """What was held for a moment has gone out since, or was stopped by something new: either shows
    only once it is let go. Answers nobody saw in a chat have gone on by mail."""
    held = HeldSend.objects.filter(state=HeldState.HELD)
    held.update(release_at=database_now())
    _until_none_moves(replies.release_due, held.count)
    # One that breaks must not be met again by a worker.
    held.update(state=HeldState.STOPPED)
    unseen = Delivery.objects.filter(look_at__lte=database_now())
    _until_none_moves(fallback.take_on, unseen.count)


def _until_none_moves(work: Callable[[], int], left: Callable[[], int]) -> None:
    before, now = -1, left()
    while now and now != before:
        work()
        before, now = now, left()


def _doubt_all() -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(HANDED_OVER)
        leases = [Lease(*row) for row in cursor.fetchall()]
    error = _(
        "The desk was put back to a backup made while this waited, so it may have been sent since."
        " Check with the customer or send again."
    )
    each(leases, lambda lease: deliveries.ambiguous(lease, error=error))
    return len(leases)
