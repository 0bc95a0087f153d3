"""Asking the laws: of everything unresolved in one statement, of the whole history bit by bit."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from conversations.invariants.laws import LAWS
from conversations.models import LawCheck, Ticket

if TYPE_CHECKING:
    from datetime import datetime

    from conversations.invariants.laws import Law

log = structlog.get_logger(__name__)

# Of one law; whoever mends these finds the next.
MOST: Final = 50
BIT: Final = 20_000
BUDGET_SECONDS: Final = 20.0
NIGHT: Final = range(1, 5)
RESTS: Final = timedelta(hours=20)
OVERDUE: Final = timedelta(hours=30)

Broken = dict[str, list[int]]
"""Ids of tickets by the key of the law they break."""

# How many changes of owner, and how many messages, count as what happened lately.
LATELY: Final = 2000
TOUCHED: Final = f"""t.id IN (
  SELECT ticket_id FROM (
    SELECT ticket_id FROM conversations_ownership ORDER BY id DESC LIMIT {LATELY}) changed
  UNION SELECT ticket_id FROM (
    SELECT ticket_id FROM conversations_entry WHERE kind <> 'event'
    ORDER BY at DESC, id DESC LIMIT {LATELY}) written)"""
PART: Final = "t.id > %(after)s AND t.id <= %(upto)s"
COLUMNS: Final = "id, team_id, agent_id, bot_id, owner_epoch, holder, status, newest_id"


def question(mine: str, here: str, *, by_night: bool) -> str:
    """All laws, as rows (key of the law, ticket)."""
    asked = " UNION ALL ".join(
        f"(SELECT '{law.key}', x.* FROM ({_query(law, here, by_night)}) x LIMIT {MOST})"
        for law in LAWS
    )
    looked_at = f"SELECT {COLUMNS} FROM conversations_ticket t WHERE {mine}"
    return f"WITH mine AS MATERIALIZED ({looked_at}) {asked}"


def _query(law: Law, here: str, by_night: bool) -> str:
    query = law.of_all if by_night and law.of_all else law.query
    return query.replace("{here}", here)


OF_UNRESOLVED: Final = question(TOUCHED, "true", by_night=False)
OF_PART: Final = question(PART, PART, by_night=True)


def unresolved() -> Broken:
    """What is broken now, of everything that waits for anybody."""
    return _asked(OF_UNRESOLVED)


def whole() -> Broken:
    """The same of every ticket there ever was, at once; at a large desk this takes a minute."""
    return _asked(OF_PART, {"after": 0, "upto": 2**62})


def check_unresolved() -> Broken:
    """Ask, and keep the answer."""
    began = time.monotonic()
    found = unresolved()
    _keep("unresolved", found, took=time.monotonic() - began)
    return found


def check_history(now: datetime | None = None) -> bool:
    """Go on with the whole history if it is time for it, for some seconds: the next call goes on
    from there. Returns whether it is done for this night."""
    row, _made = LawCheck.objects.get_or_create(sort="whole")
    if not row.reached and not is_due(row, now or timezone.now()):
        return True
    last = Ticket.objects.aggregate(last=Max("pk"))["last"] or 0
    began = time.monotonic()
    while row.reached < last:
        if time.monotonic() - began > BUDGET_SECONDS:
            return False
        if not _go_on(row):
            return False  # somebody else does
    _keep("whole", row.so_far, took=row.took_so_far)
    return True


def is_due(row: LawCheck, now: datetime) -> bool:
    """Once a night; by day where it wasn't looked at for long."""
    if row.checked_at is None or now - row.checked_at > OVERDUE:
        return True
    return now - row.checked_at > RESTS and now.hour in NIGHT


def _go_on(row: LawCheck) -> bool:
    """One part more; False where another worker was there first."""
    began, after = time.monotonic(), row.reached
    found = _asked(OF_PART, {"after": after, "upto": after + BIT})
    so_far: dict[str, list[int]] = defaultdict(list, row.so_far)
    for law, ids in found.items():
        so_far[law] = [*so_far[law], *ids][:MOST]
    row.reached, row.so_far = after + BIT, so_far
    row.took_so_far += time.monotonic() - began
    return bool(
        LawCheck.objects.filter(sort="whole", reached=after).update(
            reached=row.reached, so_far=row.so_far, took_so_far=row.took_so_far
        )
    )


def _keep(sort: str, found: Broken, *, took: float) -> None:
    if found:
        log.error("laws_broken", sort=sort, laws=sorted(found))
    LawCheck.objects.update_or_create(
        sort=sort,
        defaults={
            "checked_at": timezone.now(),
            "took": took,
            "broken": found,
            "reached": 0,
            "so_far": {},
            "took_so_far": 0.0,
        },
    )


def _asked(query: str, told: dict[str, Any] | None = None) -> Broken:
    found: Broken = defaultdict(list)
    with transaction.atomic(), connection.cursor() as cursor:
        # To compile a statement of so many parts takes longer than to run it.
        cursor.execute("SET LOCAL jit = off")
        cursor.execute(query, told)
        for law, ticket in cursor.fetchall():
            if ticket not in found[law]:
                found[law].append(ticket)
    return dict(found)
