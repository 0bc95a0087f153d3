"""Waiting in tests: for what has to become so, never for a time that somebody hopes is enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable

# Much more than anything takes here: a machine may have much else to do.
PATIENCE = 30.0

# A row's lock names no database, but who waits for one holds others there. All by pg_locks: what
# pg_stat_activity tells stays the same until a transaction's end.
WAITING = """
SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND pid IN (
    SELECT pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database()
)
"""
HOLDING = """
SELECT pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted
"""


def until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return once it holds; an assertion error after so many seconds."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"not so after {seconds:.0f} s"
        time.sleep(0.02)


def wait_for_a_lock(waiting: int = 1) -> list[int]:
    """Return once somebody, or as many, wait for a lock in the database of this test: their pids.

    Tests run beside each other on one server: who waits in another's database is nobody here.
    """
    until(lambda: len(_pids(WAITING)) >= waiting)
    return _pids(WAITING)


def wait_for_a_holder() -> None:
    """Return once somebody holds an advisory lock in the database of this test."""
    until(lambda: _pids(HOLDING))


def _pids(found: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(found)
        return [pid for (pid,) in cursor.fetchall()]
