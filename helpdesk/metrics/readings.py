"""What the tables say of the work that waits and of what was done lately.

Counts of what waits or went wrong go by indexes of just that, and stop at a limit; what was lately
is read from the young end of the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from channels_inbox.webhooks import queue
from conversations.invariants.laws import BY_KEY, LAWS
from conversations.models import LawCheck

MOST: Final = 100_000
YOUNGEST: Final = 20_000
LATELY: Final = timedelta(minutes=5)
HOUR: Final = timedelta(hours=1)

QUEUES: Final = {
    "inbound": gettext_noop("Coming in"),
    "outbound": gettext_noop("Going out"),
    "held": gettext_noop("Held replies"),
    "files": gettext_noop("Files to store"),
    "exports": gettext_noop("Transcripts to write"),
    "calls": gettext_noop("Calls of webhooks"),
}
# Since when each has been due that a worker may take now, and none has taken. A try that is put off
# until later is not due, nor what waits behind one; of an inbox or a webhook that is switched off
# nothing may be taken.
WAITING: Final = {
    "inbound": (
        "next_at FROM channels_inbox_item"
        " WHERE state = 'waiting' AND next_at <= now()"
        " AND (lease_until IS NULL OR lease_until < now())"
    ),
    "outbound": (
        "d.next_at FROM conversations_delivery d"
        " JOIN conversations_inbox i ON i.id = d.inbox_id AND i.is_active"
        " WHERE d.state = 'queued' AND d.next_at <= now() AND NOT EXISTS ("
        "  SELECT FROM conversations_delivery e WHERE e.conversation_id = d.conversation_id"
        "  AND e.identity_id = d.identity_id AND e.id < d.id AND e.state IN ('queued', 'sending'))"
    ),
    "held": "release_at FROM conversations_heldsend WHERE state = 'held' AND release_at <= now()",
    "files": "next_at FROM conversations_attachment WHERE state = 'pending' AND next_at <= now()",
    "exports": (
        "coalesce(lease_until, asked_at) FROM conversations_transcriptexport"
        " WHERE state IN ('queued', 'working') AND (lease_until IS NULL OR lease_until < now())"
    ),
    "calls": (
        f"greatest(c.next_at, w.next_at) FROM (SELECT w.id, w.failures, w.next_at {queue.TURN}) w"
        f" JOIN channels_inbox_webhookcall c ON {queue.READY} AND c.next_at <= now()"
    ),
}
# What the last of them asks for.
LIMITS: Final = {"down": queue.DOWN, "at_once": queue.AT_ONCE}
STATES: Final = {
    "items": ("channels_inbox_item", ("waiting", "dead", "ignored")),
    "deliveries": ("conversations_delivery", ("queued", "sending", "failed", "ambiguous")),
}
RECENT: Final = {
    "items": ("channels_inbox_item", "received_at"),
    "deliveries": ("conversations_delivery", "queued_at"),
}


@dataclass(frozen=True)
class Queue:
    """What waits in one: how many (MOST at most), and since when the oldest has."""

    name: str
    waiting: int
    oldest_at: datetime | None

    @property
    def label(self) -> str:
        """Its name in words."""
        return _(QUEUES[self.name])

    def seconds(self, now: datetime) -> float:
        """For how long the oldest has been waiting; 0 when nothing waits."""
        return max((now - self.oldest_at).total_seconds(), 0) if self.oldest_at else 0


@dataclass(frozen=True)
class Recent:
    """How many came in a span of time, by the state they are in now. `is_least`: there were more
    than were looked at."""

    by_state: Mapping[str, int]
    is_least: bool

    @property
    def total(self) -> int:
        """Of all states."""
        return sum(self.by_state.values())


def queues() -> list[Queue]:
    """Every queue."""
    return [Queue(name, *_waiting(name)) for name in QUEUES]


def dead_items() -> int:
    """How many items could not be read and wait for somebody (MOST at most)."""
    return states("items")["dead"]


def states(what: str) -> dict[str, int]:
    """How many `items` or `deliveries` are in each state that is not the good end."""
    table, names = STATES[what]
    found = {}
    for name in names:
        limited = f"SELECT 1 FROM {table} WHERE state = '{name}' LIMIT {MOST}"
        found[name] = int(_row(f"SELECT count(*) FROM ({limited}) few")[0])
    return found


def recent(what: str, span: timedelta = LATELY) -> Recent:
    """The `items` or `deliveries` that came within `span`, among the YOUNGEST ones."""
    table, at = RECENT[what]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT state, count(*), bool_or(place = {YOUNGEST}) FROM ("
            f"  SELECT state, {at} AS at, row_number() OVER () AS place FROM"
            f"  (SELECT state, {at} FROM {table} ORDER BY id DESC LIMIT {YOUNGEST}) young"
            ") numbered WHERE at > clock_timestamp() - %s * interval '1 second' GROUP BY state",
            [span.total_seconds()],
        )
        rows = cursor.fetchall()
    return Recent({state: count for state, count, _last in rows}, any(row[2] for row in rows))


def mailboxes() -> dict[str, int]:
    """How many connected accounts work, and how many don't."""
    working, failing = _row(
        "SELECT count(*) FILTER (WHERE error_code = ''), count(*) FILTER (WHERE error_code > '')"
        " FROM channels_inbox_account a JOIN conversations_inbox i ON i.id = a.inbox_id"
        " WHERE i.is_active"
    )
    return {"working": working, "failing": failing}


def broken_laws() -> dict[str, int]:
    """Of each law of ownership and handoff, how many unresolved tickets broke it (some tens at
    most) when it was asked last, which is every minute."""
    found = LawCheck.objects.filter(sort="unresolved").values_list("broken", flat=True).first()
    counts = dict.fromkeys((law.code for law in LAWS), 0)
    for key, ids in (found or {}).items():
        if law := BY_KEY.get(key):
            counts[law.code] += len(ids)
    return counts


def _waiting(name: str) -> tuple[Any, ...]:
    limited = f"SELECT {WAITING[name]} ORDER BY 1 LIMIT {MOST}"
    return _row(f"SELECT count(*), min(since) FROM ({limited}) few (since)", LIMITS)


def _row(sql: str, told: Mapping[str, int] | None = None) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, told)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
