"""Time in the demo's past: the verbs write the time at which they are called, and afterwards all
that each act wrote is moved to when it is told to have happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pgtrigger
from django.db import connection

from conversations import promised
from conversations.models import Ticket

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

# All columns with a time that the acts of a story write.
TIMES: Final = {
    "conversations_entry": ("at",),
    "conversations_ticket": ("opened_at", "active_at", "resolved_at"),
    "conversations_ownership": ("since",),
    "conversations_delivery": ("next_at", "queued_at", "attempt_at", "handed_at", "sent_at"),
    "conversations_identity": ("wrote_at", "created_at", "here_at", "left_at"),
    "conversations_customer": ("created_at",),
    "conversations_conversation": ("last_at",),
    "conversations_merge": ("made_at",),
    "conversations_attachment": ("created_at",),
    "conversations_collected": ("collected_at",),
}
ACTS: Final = """
CREATE TEMPORARY TABLE told ON COMMIT DROP AS
SELECT began, coalesce(lead(began) OVER (ORDER BY began), 'infinity') AS ended, shift
FROM unnest(%s::timestamptz[], %s::interval[]) AS act(began, shift)
"""
# Each time by the act in which it was written; what was there before the first act stays.
MOVE: Final = """
UPDATE {table} r SET {columns} WHERE greatest({times}) >= (SELECT min(began) FROM told)
"""
MOVED: Final = """
{column} = r.{column} - coalesce((SELECT shift FROM told
  WHERE r.{column} >= told.began AND r.{column} < told.ended), '0')
"""
# What counts from an act is moved with it. When something wakes again was told by itself.
DEADLINES: Final = """
UPDATE conversations_ticket t SET {which}_at = t.{which}_at - told.shift
FROM conversations_team m, told
WHERE m.id = t.team_id AND t.{which}_kind IN ('respond', 'follow_up')
  AND t.{which}_at - CASE t.{which}_kind
        WHEN 'respond' THEN m.respond_within ELSE m.follow_up_after END >= told.began
  AND t.{which}_at - CASE t.{which}_kind
        WHEN 'respond' THEN m.respond_within ELSE m.follow_up_after END < told.ended
"""
PROMISES: Final = """
UPDATE conversations_promise p
SET made_at = p.made_at - told.shift, due_at = p.due_at - told.shift,
  warn_at = p.warn_at - told.shift, closed_at = p.closed_at - coalesce((SELECT t.shift FROM told t
    WHERE p.closed_at >= t.began AND p.closed_at < t.ended), '0')
FROM told WHERE p.made_at >= told.began AND p.made_at < told.ended
"""
# What the thread says of a promise names the time it is due.
SAID: Final = """
UPDATE conversations_entry e
SET data = jsonb_set(e.data, '{due}', to_jsonb(p.due_at))
FROM conversations_promise p
WHERE e.kind = 'event' AND e.data ? 'due' AND (e.data ->> 'promise')::bigint = p.id
"""
OFFERS: Final = """
UPDATE conversations_offer o
SET offered_at = o.offered_at - told.shift, expires_at = o.expires_at - told.shift,
  closed_at = o.closed_at - coalesce((SELECT t.shift FROM told t
    WHERE o.closed_at >= t.began AND o.closed_at < t.ended), '0')
FROM told WHERE o.offered_at >= told.began AND o.offered_at < told.ended
"""


class Clock:
    """`at()` before each act; `set_back()` once, in the same transaction, after all of them."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)
        self._acts: list[tuple[datetime, timedelta]] = []
        self.told = self._now

    def at(self, ago: timedelta) -> None:
        """The next act is told to have happened so long ago; `told` is then when that was."""
        began = datetime.now(UTC)
        self.told = self._now - ago
        self._acts.append((began, began - self.told))

    @pgtrigger.ignore(
        "conversations.Entry:number_for_ever",
        "conversations.Ownership:append_only",
        "conversations.Promise:promise_closed_for_ever",
        "conversations.Promise:promise_as_it_was_made",
        "conversations.Offer:offer_closed_for_ever",
        "conversations.Offer:offer_frozen",
    )
    def set_back(self) -> None:
        """Move what all acts wrote into the past. Nobody else may have written meanwhile."""
        with connection.cursor() as cursor:
            cursor.execute(ACTS, [list(column) for column in zip(*self._acts, strict=True)])
            for statement in (PROMISES, SAID, OFFERS):
                cursor.execute(statement)
            for which in ("deadline", "otherwise"):
                cursor.execute(DEADLINES.format(which=which))
            for table, columns in TIMES.items():
                _move(cursor, table, columns)
        # Whichever comes first now is the ticket's deadline.
        for ticket in Ticket.objects.filter(promised_at__isnull=False):
            promised.rearm_apart(ticket)


def _move(cursor: CursorWrapper, table: str, columns: tuple[str, ...]) -> None:
    moved = ", ".join(MOVED.format(column=column) for column in columns)
    times = ", ".join(f"r.{column}" for column in columns)
    cursor.execute(MOVE.format(table=table, columns=moved, times=times))
