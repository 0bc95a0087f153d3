"""Who is threaded next: a lane is one sender in one inbox, and what waits in it goes in its order.

An item is claimed under a lease, by whoever comes first, and what is done with it is committed only
while the lease is held. Each queue takes the items of its own channels, so that a backlog of mail
never delays a chat.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection

from channels_inbox.gates import into
from channels_inbox.registry import kinds_of_queue
from conversations import prepared

if TYPE_CHECKING:
    from conversations.models import Entry, Inbox

LEASE = timedelta(seconds=15)
STEPS_OUT_AFTER = 2
MAX_CLAIMS = 8
SPARED = 3

# Only the oldest waiting item of a lane may be claimed. An item that
# failed twice, or whose workers died again and again, steps out, so that it holds up nobody behind
# it. Its commit waits for no disk: a crash that forgets a lease only leaves the item to be claimed
# again, and what was done under it is committed after it or not at all.
#
# Of those that were claimed before there is one at most among several: whatever ended their worker
# then must not end it for the same neighbours again and again, until they step out of their lanes.
#
# A lease that ran out is a worker that died, which happens to items that did nothing. After more
# than `spared` claims it counts as a try that failed: what ends all its workers is given up.
#
# What the planner knows of waiting items is from when there were none, so that it would read all
# of them for each claim, and find it cheap. It is left no choice: they are asked for inbox by
# inbox, so that what waits in others is not even looked at, and the first of a lane item by item,
# by `ended_at`, which no other index has.
CLAIM = """
WITH open AS MATERIALIZED (
  SELECT b.id FROM conversations_inbox b
  WHERE b.kind = ANY(%(kinds)s) AND NOT EXISTS (
    SELECT 1 FROM channels_inbox_gate g WHERE g.inbox_id = b.id AND g.in_shut_at IS NOT NULL)
), ready AS MATERIALIZED (
  SELECT first.id, first.lease_epoch > 0 AS again
  FROM open, LATERAL (
    SELECT i.id, i.next_at, i.lease_epoch FROM channels_inbox_item i
    WHERE i.inbox_id = open.id AND i.state = 'waiting' AND i.next_at <= clock_timestamp()
      AND (i.lease_until IS NULL OR i.lease_until < clock_timestamp())
      AND i.id <= coalesce((
        SELECT e.id FROM channels_inbox_item e
        WHERE e.lane = i.lane AND e.ended_at IS NULL
          AND e.attempts < %(steps_out)s AND e.lease_epoch < %(claims)s
        ORDER BY e.id LIMIT 1), i.id)
    ORDER BY i.next_at, i.id LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
  ) AS first
  ORDER BY first.next_at, first.id LIMIT %(limit)s
), chosen AS (
  SELECT id FROM ready WHERE NOT again
  UNION ALL
  (SELECT id FROM ready WHERE again LIMIT 1)
)
UPDATE channels_inbox_item i
SET lease_until = clock_timestamp() + %(lease)s * interval '1 second',
    lease_epoch = i.lease_epoch + 1,
    attempts = i.attempts + (i.lease_until IS NOT NULL AND i.lease_epoch > %(spared)s)::int
FROM chosen, (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed
WHERE i.id = chosen.id
RETURNING i.id, i.lease_epoch
"""
# For an inbox whose items are held: the first of a lane, the one that was tried least and longest
# ago, so that what is poison is not all that is ever tried.
CLAIM_ONE = """
UPDATE channels_inbox_item t
SET lease_until = clock_timestamp() + %(lease)s * interval '1 second',
    lease_epoch = t.lease_epoch + 1,
    attempts = t.attempts + (t.lease_until IS NOT NULL AND t.lease_epoch > %(spared)s)::int
WHERE t.id = (
  SELECT i.id FROM channels_inbox_item i
  WHERE i.state = 'waiting' AND i.inbox_id = %(inbox)s
    AND (i.lease_until IS NULL OR i.lease_until < clock_timestamp())
    AND i.id <= coalesce((
      SELECT e.id FROM channels_inbox_item e
      WHERE e.lane = i.lane AND e.ended_at IS NULL
        AND e.attempts < %(steps_out)s AND e.lease_epoch < %(claims)s
      ORDER BY e.id LIMIT 1), i.id)
  ORDER BY i.attempts, i.next_at, i.id LIMIT 1
  FOR NO KEY UPDATE SKIP LOCKED)
RETURNING t.id, t.lease_epoch
"""
# That one could be read lets go on what was held.
END = """
WITH ended AS (
  UPDATE channels_inbox_item
  SET state = %s, reason = %s, entry_id = %s, lease_until = NULL, ended_at = clock_timestamp()
  WHERE id = %s AND lease_epoch = %s AND state = 'waiting'
  RETURNING inbox_id
), opened AS (
  UPDATE channels_inbox_gate g
  SET in_failures = 0, in_shut_at = NULL, in_probe_at = NULL, in_reason = ''
  FROM ended WHERE g.inbox_id = ended.inbox_id AND g.in_failures > 0
)
SELECT count(*) FROM ended
"""


@dataclass(frozen=True)
class Lease:
    item: int
    epoch: int


class LostLease(Exception):
    """Somebody else has the item now; what was done with it is rolled back."""


def lane(inbox: Inbox, sender: str) -> str:
    """The name of a lane. That of sender '' is for what could not be read when it came."""
    name = hashlib.sha256(sender.encode("utf-8", "replace")).hexdigest()[:32]
    return f"{inbox.pk}:{name}"


def claim(queue: str, limit: int = 1) -> list[Lease]:
    """Lease up to `limit` items of this queue's channels that are ready, of different senders; one
    that was claimed before comes last."""
    with prepared.cursor() as cursor:
        cursor.execute(CLAIM, {**_limits(), "kinds": kinds_of_queue(queue), "limit": limit})
        leases = [Lease(*row) for row in cursor.fetchall()]
    return sorted(leases, key=lambda lease: (lease.epoch > 1, lease.item))


def held_ones(queue: str) -> list[Lease]:
    """One item of each inbox whose items are held, where it is time to try."""
    leases = []
    for inbox in into.to_try(kinds_of_queue(queue)):
        with connection.cursor() as cursor:
            cursor.execute(CLAIM_ONE, {**_limits(), "inbox": inbox})
            leases += [Lease(*row) for row in cursor.fetchall()]
    return leases


def _limits() -> dict[str, float]:
    return {
        "steps_out": STEPS_OUT_AFTER,
        "claims": MAX_CLAIMS,
        "spared": SPARED,
        "lease": LEASE.total_seconds(),
    }


def end(lease: Lease, state: str, *, reason: str = "", entry: Entry | None = None) -> None:
    """What became of the item, in the transaction of what was done with it. Raises LostLease."""
    with prepared.cursor() as cursor:
        entry_id = entry.pk if entry else None
        cursor.execute(END, [state, reason[:500], entry_id, lease.item, lease.epoch])
        if not cursor.fetchone()[0]:
            raise LostLease
