"""The way in of an inbox, when nothing of it can be read: a build with a defect, or a provider that
changed what it sends.

Items that fail one after the other, with none in between that could be read, say nothing of
themselves. They are held then, and one now and then tries again, which counts for nothing: when it
is read, all of them go on. An item that is poison among sound ones ends dead as ever.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog
from django.db import connection

from channels_inbox.gates.models import Gate
from conversations.thread import database_now

log = structlog.get_logger(__name__)

HOLDS_AFTER: Final = 5
TRY_EVERY: Final = timedelta(seconds=10)

FAILED = """
INSERT INTO channels_inbox_gate AS g (inbox_id, in_failures, in_reason)
VALUES (%(inbox)s, 1, %(reason)s)
ON CONFLICT (inbox_id) DO UPDATE SET in_failures = g.in_failures + 1,
  in_reason = excluded.in_reason,
  in_shut_at = CASE WHEN g.in_failures + 1 >= %(most)s
    THEN coalesce(g.in_shut_at, clock_timestamp()) END,
  in_probe_at = CASE WHEN g.in_failures + 1 >= %(most)s
    THEN clock_timestamp() + %(every)s * interval '1 second' END
RETURNING in_shut_at IS NOT NULL
"""


def failed(inbox: int, reason: str) -> bool:
    """One more item could not be read, for the first time. Returns whether items are held now."""
    told: dict[str, int | float | str] = {
        "inbox": inbox,
        "reason": reason[:500],
        "most": HOLDS_AFTER,
        "every": TRY_EVERY.total_seconds(),
    }
    with connection.cursor() as cursor:
        cursor.execute(FAILED, told)
        is_held = bool(cursor.fetchone()[0])
    if is_held:
        log.warning("items_held", inbox=inbox, error=reason.partition(":")[0])
    return is_held


def is_held(inbox: int) -> bool:
    return Gate.objects.filter(inbox=inbox, in_shut_at__isnull=False).exists()


def to_try(kinds: list[str]) -> list[int]:
    """Inboxes of which one held item may try now; by one worker."""
    now = database_now()
    held = Gate.objects.filter(
        in_shut_at__isnull=False, in_probe_at__lte=now, inbox__kind__in=kinds
    )
    found = list(held.values_list("inbox_id", flat=True))
    return [pk for pk in found if held.filter(pk=pk).update(in_probe_at=now + TRY_EVERY)]
