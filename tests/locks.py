"""Two who want the same row: the second one has to be seen waiting before the first goes on."""

from __future__ import annotations

import time

from django.db import connection

# A row's lock names no database, but who waits for one holds others there. All by pg_locks: what
# pg_stat_activity tells stays the same until a transaction's end.
WAITING = """
SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND pid IN (
    SELECT pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database()
)
"""


def wait_for_a_lock(waiting: int = 1) -> list[int]:
    """Return once somebody, or as many, wait for a lock in the database of this test: their pids.

    Tests run beside each other on one server: who waits in another's database is nobody here.
    """
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            pids = [pid for (pid,) in cursor.fetchall()]
        if len(pids) >= waiting:
            return pids
        time.sleep(0.02)
    raise AssertionError("nobody waits")
