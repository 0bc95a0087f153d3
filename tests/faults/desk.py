"""What a test asks of the stand's database, in plain SQL, and how it waits for it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.stand import Stand


def rows(stand: Stand, sql: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(stand.place.database_url, connect_timeout=round(PATIENCE)) as connection:
        return connection.execute(sql, values).fetchall()


def entries_of(stand: Stand, mark: str) -> list[int]:
    """Ids of the entries in which this mail is."""
    found = rows(
        stand,
        "SELECT id FROM conversations_entry WHERE direction = 'in' AND position(%s in text) > 0",
        mark,
    )
    return [row[0] for row in found]


def ends_of(stand: Stand, digests: list[str]) -> list[str]:
    """How the items of these payloads ended; "waiting" for those that have not."""
    found = rows(
        stand,
        "SELECT i.state FROM channels_inbox_item i"
        " JOIN channels_inbox_envelope v ON v.id = i.envelope_id WHERE v.dedup_key = ANY(%s)",
        digests,
    )
    return sorted(row[0] for row in found)


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until it holds; an assertion error says when it doesn't in time."""
    ends = time.monotonic() + seconds
    while not _holds(holds):
        assert time.monotonic() < ends, f"not so after {seconds:.0f} s"
        time.sleep(0.1)


# Seconds between two looks at the clock, and how late a look is that tells of a stall.
TICK, A_STALL = 0.05, 0.2


@dataclass
class Stalls:
    """For how many seconds in all the machine did nothing for us, as it had other things to do."""

    seconds: float = 0.0


@contextmanager
def stalls() -> Iterator[Stalls]:
    """What may take so long at most is measured beside what the machine itself takes."""
    met, over = Stalls(), threading.Event()

    def watch() -> None:
        last = time.monotonic()
        while not over.wait(TICK):
            before, last = last, time.monotonic()
            late = last - before - TICK
            met.seconds += late if late > A_STALL else 0.0

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield met
    finally:
        over.set()
        watching.join()


def _holds(holds: Callable[[], object]) -> bool:
    try:
        return bool(holds())
    except psycopg.Error:
        return False
