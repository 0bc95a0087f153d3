"""The outbox: leases, outcomes and receipts of outbound messages.

An attempt is committed before its I/O. What happened is written under the conversation's lock and
only by the holder of the current lease, so a worker that comes back from the dead changes nothing.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from conversations import tickets
from conversations.errors import BadInput
from conversations.models import RECEIPT_RANK, Delivery, DeliveryState, Ticket
from conversations.sweeping import each
from conversations.thread import SYSTEM, Actor, Thread, database_now, locked
from conversations.wake import SEND, wake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet

    from conversations.models import Agent, Entry, Identity, Inbox

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=15)
# How long a message shown by us may wait to be seen before somebody looks at it.
UNSEEN_FOR = timedelta(minutes=2)
MAX_ATTEMPTS = 8
# Not delivered yet, as far as we know, and on its way for all we know.
LEFT = (
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.SENT,
    DeliveryState.AMBIGUOUS,
)
# What a channel that takes an answer in several messages has taken of it, by its names of them in
# their order, "" for one that is to go out anew; and of which it said later that they won't arrive.
PARTS: Final = "parts"
REFUSED: Final = "refused"
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=1)

# One lane is (conversation, identity): only its oldest unfinished delivery may be claimed.
CLAIM = """
WITH ready AS (
  SELECT d.id FROM conversations_delivery d
  WHERE d.state = 'queued' AND d.next_at <= clock_timestamp() AND d.inbox_id = ANY(%s)
    AND NOT EXISTS (
      SELECT 1 FROM conversations_delivery e
      WHERE e.conversation_id = d.conversation_id AND e.identity_id = d.identity_id
        AND e.id < d.id AND e.state IN ('queued', 'sending'))
  ORDER BY d.next_at, d.id LIMIT %s
  FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE conversations_delivery d
SET state = 'sending', attempts = d.attempts + 1, attempt_at = clock_timestamp(), handed_at = NULL,
    lease_until = clock_timestamp() + %s * interval '1 second', lease_epoch = d.lease_epoch + 1
FROM ready WHERE d.id = ready.id
RETURNING d.id, d.lease_epoch
"""


# Only this: that one of them won't arrive may be written at the same moment.
WENT = """
UPDATE conversations_delivery SET payload = jsonb_set(payload, ARRAY[%s], %s::jsonb),
  handed_at = CASE WHEN state = 'sending' AND lease_epoch = %s THEN NULL ELSE handed_at END
WHERE id = %s
"""


@dataclass(frozen=True)
class Lease:
    delivery: int
    epoch: int


def queue(
    thread: Thread, entry: Entry, *, identity: Identity, inbox: Inbox, payload: dict[str, Any]
) -> Delivery:
    """Put a new message on its way. What we show the customer ourselves is sent with the commit;
    whether they have seen it is looked at later."""
    shown = inbox.shows_itself
    if not shown:
        wake(SEND)
    return Delivery.objects.create(
        entry=entry,
        conversation=thread.conversation,
        identity=identity,
        inbox=inbox,
        rev=thread.next_rev(),
        payload=payload,
        state=DeliveryState.SENT if shown else DeliveryState.QUEUED,
        sent_at=thread.now if shown else None,
        look_at=thread.now + UNSEEN_FOR if shown else None,
        next_at=thread.now,
        queued_at=thread.now,
    )


def claim(inboxes: Sequence[int], limit: int) -> list[Lease]:
    """Lease up to `limit` due deliveries of these inboxes; the attempt is committed with it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, [list(inboxes), limit, LEASE.total_seconds()])
        return [Lease(*row) for row in cursor.fetchall()]


def renew(lease: Lease) -> bool:
    """Hold a lease longer while its I/O goes on. False when somebody else has it."""
    return bool(
        Delivery.objects.filter(
            pk=lease.delivery, lease_epoch=lease.epoch, state=DeliveryState.SENDING
        ).update(lease_until=database_now() + LEASE)
    )


def handing_over(lease: Lease) -> bool:
    """Commit that from here on it may have been sent. False when somebody else has the lease: then
    the step must not be taken."""
    now = database_now()
    return bool(
        Delivery.objects.filter(
            pk=lease.delivery, lease_epoch=lease.epoch, state=DeliveryState.SENDING
        ).update(handed_at=now, lease_until=now + LEASE)
    )


def went(delivery: Delivery, parts: Sequence[str], *, under: str = PARTS) -> None:
    """Write down which of its parts the provider has taken, so that none goes out twice. Whoever
    dies before the next step leaves nothing in doubt, unless somebody else has the lease by now."""
    delivery.payload = {**delivery.payload, under: list(parts)}
    with connection.cursor() as cursor:
        names = json.dumps(list(parts))
        cursor.execute(WENT, [under, names, delivery.lease_epoch, delivery.pk])


def sent(lease: Lease, *, provider_id: str = "") -> bool:
    """The provider accepted it. False when the lease was lost; then nothing is written. A name that
    is another message's already names neither better, and is let go."""

    def change(thread: Thread, delivery: Delivery, name: str) -> list[str]:
        delivery.state, delivery.sent_at = DeliveryState.SENT, thread.now
        delivery.error_code = delivery.error = ""
        if name:
            delivery.provider_id = name
        return ["sent_at", "provider_id"]

    try:
        return _finish(lease, partial(change, name=provider_id))
    except IntegrityError:
        log.warning("name_of_another", delivery=lease.delivery, name=provider_id[:100])
        return _finish(lease, partial(change, name=""))


def failed(lease: Lease, *, code: str, error: str) -> bool:
    """The provider will never take it. The agent sees why and the ticket is our turn again."""

    def change(thread: Thread, delivery: Delivery) -> list[str]:
        delivery.state = DeliveryState.FAILED
        delivery.error_code, delivery.error = code[:60], error[:500]
        _ours_again(thread, delivery)
        return []

    return _finish(lease, change)


def ambiguous(lease: Lease, *, error: str) -> bool:
    """It may have been sent or not. It is tried again by itself only where the provider takes the
    same message once; else the agent decides."""

    return _finish(lease, lambda thread, delivery: _doubtful(thread, delivery, error))


def postponed(
    lease: Lease,
    *,
    code: str,
    error: str,
    retry_after: timedelta | None = None,
    counts: bool = True,
) -> bool:
    """It was surely not sent; try again later, eight times at most, then it has failed. A try that
    doesn't count says nothing of this message: its whole account can't send for now."""

    def change(thread: Thread, delivery: Delivery) -> list[str]:
        delivery.error_code, delivery.error = code[:60], error[:500]
        if not counts:
            delivery.attempts -= 1
        return ["attempts", *_again(thread, delivery, retry_after)]

    return _finish(lease, change)


def _again(thread: Thread, delivery: Delivery, retry_after: timedelta | None) -> list[str]:
    if delivery.attempts >= MAX_ATTEMPTS:
        delivery.state = DeliveryState.FAILED
        delivery.error = delivery.error or str(_("It could not be sent in eight tries."))
        _ours_again(thread, delivery)
        return []
    delivery.state = DeliveryState.QUEUED
    delivery.next_at = thread.now + (retry_after or _delay(delivery.attempts))
    return ["next_at"]


def expire_leases() -> int:
    """Settle what dead workers left: not sent before it was handed over, ambiguous after."""
    expired = Delivery.objects.filter(
        state=DeliveryState.SENDING, lease_until__lt=database_now()
    ).values_list("pk", "lease_epoch")[:100]
    return each([Lease(pk, epoch) for pk, epoch in expired], _abandoned)


def _abandoned(lease: Lease) -> bool:
    """Nothing changes when its worker has renewed the lease while we waited for the lock."""

    def change(thread: Thread, delivery: Delivery) -> list[str] | None:
        if delivery.lease_until is None or delivery.lease_until >= thread.now:
            return None
        if delivery.handed_at is None:
            return _again(thread, delivery, None)
        error = _("The sender stopped while sending. Check with the customer or send again.")
        return _doubtful(thread, delivery, str(error))

    return _finish(lease, change)


def send_again(delivery: Delivery, *, by: Agent) -> Delivery:
    """An agent's decision to send a failed or ambiguous message (once more). Of one that went out
    in several parts only those go that did not arrive."""

    def change(thread: Thread, fresh: Delivery) -> None:
        fresh.state, fresh.next_at, fresh.attempts = DeliveryState.QUEUED, thread.now, 0
        fresh.queued_at = thread.now
        _forget_refused(fresh)

    return _decide(delivery, "sent_again", by, change)


def known_sent(delivery: Delivery, *, by: Agent) -> Delivery:
    """An agent found out that the message did arrive."""

    def change(thread: Thread, fresh: Delivery) -> None:
        fresh.state, fresh.sent_at = DeliveryState.SENT, thread.now

    return _decide(delivery, "confirmed_sent", by, change)


def give_up(delivery: Delivery, *, by: Agent) -> Delivery:
    def change(thread: Thread, fresh: Delivery) -> None:
        fresh.state = DeliveryState.CANCELLED

    return _decide(delivery, "given_up", by, change)


def receipt(delivery: Delivery, state: str, *, provider_id: str = "") -> bool:
    """A receipt only raises: sent < delivered < read, in whatever order they come. It also names a
    message of which nobody knew that it was taken: the answer got lost, or is still on its way."""
    with locked(delivery.entry.origin_id) as thread:
        fresh = Delivery.objects.get(pk=delivery.pk)
        if RECEIPT_RANK.get(state, 0) <= RECEIPT_RANK.get(fresh.state, 9):
            return False
        fresh.state, fresh.lease_until = state, None
        fresh.provider_id = fresh.provider_id or provider_id
        fresh.sent_at = fresh.sent_at or thread.now
        fresh.error_code = fresh.error = ""
        thread.stamp(fresh, "state", "lease_until", "provider_id", "sent_at", "error_code", "error")
        return True


def refused_later(delivery: Delivery, *, name: str, code: str, error: str) -> bool:
    """The provider took it, or its part of this name, and tells now that it won't arrive. What was
    delivered stays so; that the first of several parts was says nothing of the others."""
    with locked(delivery.entry.origin_id) as thread:
        rows = Delivery.objects.select_for_update(no_key=True, of=("self",))
        fresh = rows.select_related("entry").get(pk=delivery.pk)
        arrived = (DeliveryState.DELIVERED, DeliveryState.READ)
        is_further = name in fresh.payload.get(PARTS, [])[1:] and fresh.state in arrived
        if fresh.state not in LEFT and not is_further:
            return False
        fresh.state, fresh.lease_until = DeliveryState.FAILED, None
        fresh.error_code, fresh.error = code[:60], error[:500]
        refused = {*fresh.payload.get(REFUSED, []), name} - {""}
        fresh.payload = {**fresh.payload, REFUSED: sorted(refused)}
        thread.stamp(fresh, "state", "lease_until", "error_code", "error", "payload")
        _ours_again(thread, fresh)
        return True


def _forget_refused(delivery: Delivery) -> None:
    """What won't arrive is to go out anew, under another name."""
    refused = delivery.payload.get(REFUSED, [])
    if delivery.provider_id in refused:
        delivery.provider_id = ""
    if refused and PARTS in delivery.payload:
        anew = ["" if name in refused else name for name in delivery.payload[PARTS]]
        delivery.payload = {**delivery.payload, PARTS: anew}


def seen(identities: Sequence[int], state: str, *, upto: int) -> int:
    """The customer's window fetched ("delivered"), or had on screen ("read"), what is numbered up
    to `upto` in its count (`public.py`). Returns for how many messages that was news."""
    below = [name for name, rank in RECEIPT_RANK.items() if rank < RECEIPT_RANK[state]]
    waiting = Delivery.objects.filter(
        identity__in=identities, entry__public_rev__lte=upto, state__in=below
    )
    origins = sorted(set(waiting.values_list("entry__origin_id", flat=True)))
    return sum(_seen(waiting, origin, state) for origin in origins)


def _seen(waiting: QuerySet[Delivery], origin: int, state: str) -> int:
    with locked(origin) as thread:
        rows = list(waiting.filter(entry__origin=origin).select_related("entry").order_by("pk"))
        for row in rows:
            row.state, row.lease_until = state, None
            if state == DeliveryState.READ:
                row.look_at = None
            thread.stamp(row, "state", "lease_until", "look_at")
        return len(rows)


def _finish(lease: Lease, change: Callable[[Thread, Delivery], list[str] | None]) -> bool:
    """`change` names the fields it wrote besides the state; None leaves all as it is."""
    origin_id = Delivery.objects.values_list("entry__origin_id", flat=True).get(pk=lease.delivery)
    with locked(origin_id) as thread:
        delivery = (
            Delivery.objects.select_for_update(no_key=True, of=("self",))
            .select_related("entry")
            .get(pk=lease.delivery)
        )
        if delivery.lease_epoch != lease.epoch or delivery.state != DeliveryState.SENDING:
            return False
        fields = change(thread, delivery)
        if fields is None:
            return False
        delivery.lease_until = None
        thread.stamp(delivery, "state", "error_code", "error", "lease_until", *fields)
        return True


def _decide(
    delivery: Delivery, event: str, by: Agent, change: Callable[[Thread, Delivery], None]
) -> Delivery:
    with locked(delivery.entry.origin_id) as thread:
        fresh = Delivery.objects.select_related("entry__ticket").get(pk=delivery.pk)
        if not fresh.is_trouble:
            raise BadInput(_("This message is not waiting for a decision any more."))
        change(thread, fresh)
        fresh.error_code = fresh.error = ""
        told = ("sent_at", "error_code", "error", "provider_id", "payload")
        thread.stamp(fresh, "state", "next_at", "attempts", "queued_at", *told)
        thread.event(fresh.entry.ticket, event, by=Actor.of(by), seq=fresh.entry.seq)
        return fresh


def _doubtful(thread: Thread, delivery: Delivery, error: str) -> list[str]:
    delivery.error_code, delivery.error = "ambiguous", error[:500]
    if delivery.inbox.medium.deduplicates and delivery.attempts < MAX_ATTEMPTS:
        return _again(thread, delivery, None)
    delivery.state = DeliveryState.AMBIGUOUS
    _ours_again(thread, delivery)
    return []


def _ours_again(thread: Thread, delivery: Delivery) -> None:
    ticket_id = delivery.entry.ticket_id
    if ticket_id is None:
        return
    ticket = Ticket.objects.select_related("team").get(pk=ticket_id)
    tickets.needs_us(thread, ticket)
    thread.event(ticket, "not_sent", by=SYSTEM, reason=delivery.error, seq=delivery.entry.seq)


def _delay(attempts: int) -> timedelta:
    """Exponential from 5 s to 1 h, with jitter: a broken relay is not asked by all at once."""
    seconds = min(FIRST_DELAY.total_seconds() * 2 ** (attempts - 1), LONGEST_DELAY.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.7, 1.3))
