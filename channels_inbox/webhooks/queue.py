"""The queue of calls: whose turn it is, and what came of it.

A lane (one ticket at one webhook) goes in the order of its entries. A webhook that fails is left
alone for longer and longer, at most five minutes, whatever waits for it; so a dead one is asked by
one call now and then, and holds nobody else up. Everything is written only by the holder of the
current lease: what a worker that died had sent is sent again, under the same name.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now

from channels_inbox.models import CallState, Stopped, Webhook, WebhookCall
from conversations.models import Role
from conversations.thread import database_now

if TYPE_CHECKING:
    from django.db.models import QuerySet

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=45)
AT_ONCE: Final = 2
CLAIM_TRIES: Final = 5
# As Standard Webhooks proposes: how long after each failed try the next one is made.
DELAYS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MOST_TRIES: Final = len(DELAYS) + 1
# From so many failures in a row on it is the other side that is down, not one call it can't take.
DOWN: Final = 3
SHORTEST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=5)
LONGEST_ASKED_FOR: Final = timedelta(days=1)
GIVES_UP_AFTER: Final = timedelta(days=3)

READY: Final = """
  c.webhook_id = w.id AND c.state = 'waiting'
  AND (c.lease_until IS NULL OR c.lease_until <= statement_timestamp())
  AND (c.next_at <= statement_timestamp() OR w.failures >= %(down)s)
  AND NOT EXISTS (
    SELECT 1 FROM channels_inbox_webhookcall e
    WHERE e.webhook_id = c.webhook_id AND e.ticket_id = c.ticket_id AND e.entry_id < c.entry_id
      AND e.state = 'waiting')
"""
# Webhooks of which a call may be taken now.
TURN: Final = f"""
  FROM channels_inbox_webhook w
  JOIN conversations_agent a ON a.id = w.agent_id AND a.is_active AND a.role = '{Role.ADMIN}'
  WHERE w.is_active AND w.stopped_at IS NULL AND w.next_at <= statement_timestamp()
    AND (SELECT count(*) FROM channels_inbox_webhookcall l
         WHERE l.webhook_id = w.id AND l.state = 'waiting'
           AND l.lease_until > statement_timestamp())
      < CASE w.failures WHEN 0 THEN %(at_once)s ELSE 1 END
"""
# The webhook is taken first: how many calls of it are under way is counted once nobody else can
# begin one, which a single statement would do from before it waited.
LOCK: Final = f"""
SELECT w.id {TURN} AND EXISTS (SELECT 1 FROM channels_inbox_webhookcall c WHERE {READY})
ORDER BY w.turn_at NULLS FIRST, w.id LIMIT 1 FOR NO KEY UPDATE OF w SKIP LOCKED
"""
# A call may be tried before its time where its webhook is down: that looks whether it is back, and
# is no step of the call's own schedule.
TAKE: Final = f"""
WITH head AS (
  SELECT ready.* FROM (SELECT w.id, w.failures {TURN} AND w.id = %(webhook)s) w
  CROSS JOIN LATERAL (
    SELECT c.id, c.next_at <= statement_timestamp() AS due
    FROM channels_inbox_webhookcall c WHERE {READY}
    ORDER BY c.next_at, c.entry_id LIMIT 1) ready
), taken AS (
  UPDATE channels_inbox_webhook SET turn_at = clock_timestamp() WHERE id = %(webhook)s
)
UPDATE channels_inbox_webhookcall c
SET lease_until = clock_timestamp() + %(lease)s * interval '1 second',
    lease_epoch = c.lease_epoch + 1, tries = c.tries + 1, step = c.step + head.due::int,
    first_at = coalesce(c.first_at, clock_timestamp())
FROM head
WHERE c.id = head.id AND c.state = 'waiting'
  AND (c.lease_until IS NULL OR c.lease_until <= clock_timestamp())
RETURNING c.id, c.lease_epoch, head.due
"""


@dataclass(frozen=True)
class Lease:
    """A call one worker has in hand. `due`: its own time had come."""

    call: int
    epoch: int
    due: bool


def claim() -> Lease | None:
    """The next call, of the webhook that has waited longest for its turn."""
    for _ in range(CLAIM_TRIES):
        webhook, lease = _claim()
        if lease or not webhook:
            return lease
    return None


def _claim() -> tuple[int, Lease | None]:
    """A webhook whose turn it was, 0 for none; and its call, unless somebody was quicker."""
    values = {"down": DOWN, "at_once": AT_ONCE, "lease": LEASE.total_seconds()}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        if (found := cursor.fetchone()) is None:
            return 0, None
        cursor.execute(TAKE, values | {"webhook": found[0]})
        row = cursor.fetchone()
    return found[0], Lease(*row) if row else None


def arrived(lease: Lease, status: int) -> None:
    """It was taken. What failed while the other side was down needn't wait for its time now."""
    if _end(lease, CallState.DONE, status=status, error="") and (webhook := _of(lease)).failures:
        Webhook.objects.filter(pk=webhook.pk).update(failures=0, failing_since=None, next_at=Now())
        if webhook.failures >= DOWN:
            webhook.calls.filter(state=CallState.WAITING, next_at__gt=Now()).update(next_at=Now())


def left_out(lease: Lease) -> None:
    """The agent may not see it (any more)."""
    _end(lease, CallState.LEFT_OUT)


def broke(lease: Lease, error: str) -> None:
    """It could not even be put together: no fault of the other side."""
    _again(lease, None, error, None)


def refused(lease: Lease, status: int | None, error: str, retry_after: timedelta | None) -> None:
    """It was not taken, or nobody knows. Try again later, ten times at most, then it has failed."""
    with transaction.atomic():
        # Before its calls, as whoever switches it on locks them.
        rows = Webhook.objects.select_for_update(no_key=True, of=("self",))
        webhook = rows.filter(calls=lease.call).first()
        if webhook is None or not _again(lease, status, error, retry_after):
            return
        now = database_now()
        webhook.failures += 1
        webhook.failing_since = webhook.failing_since or now
        webhook.next_at = now + max(pause(webhook.failures), retry_after or timedelta(0))
        webhook.save(update_fields=["failures", "failing_since", "next_at"])
    if now - webhook.failing_since > GIVES_UP_AFTER:
        stop(webhook, Stopped.FAILING)


def gone(lease: Lease) -> None:
    """It said 410: nothing more is sent there."""
    if _again(lease, 410, "", None):
        stop(_of(lease), Stopped.GONE)


def stop(webhook: Webhook, why: Stopped) -> None:
    """Given up for now. What happens is written down for another thirty days."""
    running = Webhook.objects.filter(pk=webhook.pk, stopped_at=None)
    if running.update(stopped_at=Now(), stopped_for=why):
        log.warning("webhook_stopped", webhook=webhook.pk, why=str(why))


def pause(failures: int) -> timedelta:
    """How long a webhook is left alone after so many failures in a row."""
    return _jittered(min(SHORTEST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE))


def delay(step: int) -> timedelta:
    """How long after its `step`th try a call is tried again."""
    return _jittered(DELAYS[min(step, len(DELAYS)) - 1])


def _jittered(time: timedelta) -> timedelta:
    return time * random.uniform(1.0, 1.2)


def _again(lease: Lease, status: int | None, error: str, retry_after: timedelta | None) -> bool:
    """Put a call back, or end it as failed after its last try. False when the lease was lost."""
    step = _held(lease).values_list("step", flat=True).first()
    if step is None:
        return False
    if lease.due and step >= MOST_TRIES:
        return _end(lease, CallState.FAILED, status=status, error=error[:200])
    wait = max(delay(step), retry_after or timedelta(0))
    back = {"next_at": database_now() + wait} if lease.due else {}
    return bool(_held(lease).update(lease_until=None, status=status, error=error[:200], **back))


def _end(lease: Lease, state: CallState, **told: object) -> bool:
    return bool(_held(lease).update(state=state, ended_at=Now(), lease_until=None, **told))


def _held(lease: Lease) -> QuerySet[WebhookCall]:
    return WebhookCall.objects.filter(
        pk=lease.call, lease_epoch=lease.epoch, state=CallState.WAITING
    )


def _of(lease: Lease) -> Webhook:
    return Webhook.objects.get(calls=lease.call)
