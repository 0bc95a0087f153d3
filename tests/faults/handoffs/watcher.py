"""Reads what is committed, over and over, by plain SQL and none of our code: at no moment may a
ticket be nobody's, and an offer whose time is over must be closed soon, where a worker is alive."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg
import redis

if TYPE_CHECKING:
    from collections.abc import Callable

WORKER: Final = "helpdesk:alive:worker-fast"
# One statement, so one committed snapshot.
ASTRAY: Final[LiteralString] = """
SELECT 'without a team or a deadline', t.id FROM conversations_ticket t
WHERE t.status <> 'resolved' AND (t.team_id IS NULL OR t.deadline_at IS NULL)
UNION ALL SELECT 'of two at once', t.id FROM conversations_ticket t
WHERE t.agent_id IS NOT NULL AND t.bot_id IS NOT NULL
UNION ALL SELECT 'of somebody who can''t act', t.id FROM conversations_ticket t
LEFT JOIN conversations_membership m
  ON m.team_id = t.team_id AND m.agent_id = t.agent_id AND m.active
LEFT JOIN conversations_agent a ON a.id = t.agent_id AND a.is_active
WHERE t.status <> 'resolved' AND t.agent_id IS NOT NULL AND (m.id IS NULL OR a.id IS NULL)
UNION ALL SELECT 'of a team where nobody can act', t.id FROM conversations_ticket t
WHERE t.status <> 'resolved' AND NOT EXISTS (
  SELECT FROM conversations_membership m WHERE m.team_id = t.team_id AND m.active)
UNION ALL SELECT 'with another history', t.id FROM conversations_ticket t
LEFT JOIN conversations_ownership w ON w.ticket_id = t.id AND w.epoch = t.owner_epoch
WHERE w.holder IS DISTINCT FROM t.holder
UNION ALL SELECT 'offered at another epoch', t.id FROM conversations_offer o
JOIN conversations_ticket t ON t.id = o.ticket_id
WHERE o.state = 'offered' AND (o.from_epoch <> t.owner_epoch OR t.status = 'resolved')
UNION ALL SELECT 'offered twice', o.ticket_id FROM conversations_offer o
WHERE o.state = 'offered' GROUP BY o.ticket_id HAVING count(*) > 1
"""
OVERDUE: Final[LiteralString] = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - expires_at)), 0)::float
FROM conversations_offer WHERE state = 'offered' AND expires_at < clock_timestamp()
"""


@dataclass
class Watcher:
    """`killed` is when the worker was killed last, by the monotonic clock."""

    database: str
    broker: str
    killed: Callable[[], float]
    astray: list[tuple[Any, ...]] = field(default_factory=list)
    snapshots: int = 0
    latest: float = 0.0
    _sign: int = 0
    _alive_since: float | None = None

    def watch(self, goes_on: Callable[[], bool]) -> None:
        with (
            psycopg.connect(self.database, autocommit=True) as connection,
            redis.Redis.from_url(self.broker) as broker,
        ):
            while goes_on():
                self.look(connection, broker)
                time.sleep(0.02)

    def look(self, connection: psycopg.Connection[Any], broker: redis.Redis) -> float:
        """One snapshot. Returns for how long the oldest offer that is over has been so while a
        worker was alive, in seconds."""
        self.astray += connection.execute(ASTRAY).fetchall()
        self.snapshots += 1
        alive = self._alive_for(broker)
        row = connection.execute(OVERDUE).fetchone()
        late = min(row[0], alive) if row else 0.0
        self.latest = max(self.latest, late)
        return late

    def _alive_for(self, broker: redis.Redis) -> float:
        """Since the worker's first sign of life after it was killed."""
        before, self._sign = self._sign, max(int(broker.pttl(WORKER)), 0)
        now = time.monotonic()
        if self._alive_since is not None and self._alive_since < self.killed():
            self._alive_since = None
        elif self._alive_since is None and self._sign > before + 200:
            self._alive_since = now
        return 0.0 if self._alive_since is None else now - self._alive_since
