"""Time in the demo's past: the verbs write the time at which they are called, and afterwards all
that each act wrote is moved to when it is told to have happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pgtrigger
from django.db import connection

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
UPDATE conversations_ticket t SET deadline_at = t.deadline_at - told.shift
FROM conversations_team m, told
WHERE m.id = t.team_id AND t.deadline_kind IN ('respond', 'follow_up')
  AND t.deadline_at - CASE t.deadline_kind
        WHEN 'respond' THEN m.respond_within ELSE m.follow_up_after END >= told.began
  AND t.deadline_at - CASE t.deadline_kind
        WHEN 'respond' THEN m.respond_within ELSE m.follow_up_after END < told.ended
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

    @pgtrigger.ignore("conversations.Entry:number_for_ever", "conversations.Ownership:append_only")
    def set_back(self) -> None:
        """Move what all acts wrote into the past. Nobody else may have written meanwhile."""
        with connection.cursor() as cursor:
            cursor.execute(ACTS, [list(column) for column in zip(*self._acts, strict=True)])
            cursor.execute(DEADLINES)
            for table, columns in TIMES.items():
                _move(cursor, table, columns)


def _move(cursor: CursorWrapper, table: str, columns: tuple[str, ...]) -> None:
    moved = ", ".join(MOVED.format(column=column) for column in columns)
    times = ", ".join(f"r.{column}" for column in columns)
    cursor.execute(MOVE.format(table=table, columns=moved, times=times))
