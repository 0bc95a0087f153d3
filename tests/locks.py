"""Two who want the same row: the second one has to be seen waiting before the first goes on."""

from __future__ import annotations

import time

from django.db import connection


def wait_for_a_lock(waiting: int = 1) -> None:
    """Return once somebody, or as many, wait for a lock of this server."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= waiting:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")
