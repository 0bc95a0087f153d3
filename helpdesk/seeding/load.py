"""Copies a made-up desk into the database, all of it or nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.utils import timezone

from conversations.models import Conversation
from helpdesk.seeding import standing
from helpdesk.seeding.history import History
from helpdesk.seeding.people import staff
from helpdesk.seeding.plan import Bases
from helpdesk.seeding.set_aside import set_aside
from helpdesk.seeding.tables import COLUMNS
from helpdesk.seeding.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.backends.utils import CursorWrapper

    from helpdesk.seeding.history import Rows
    from helpdesk.seeding.plan import Plan

NUMBERED: Final = ("customer", "conversation", "identity", "ticket", "entry")
SORT_MEMORY: Final = "512MB"


class NotEmpty(Exception):
    """There are conversations here already."""


@dataclass
class Figures:
    """How many rows went into which table, and how long it took."""

    rows: dict[str, int]
    seconds: dict[str, float]


def load(plan: Plan, say: Callable[[str], None], *, force: bool = False) -> Figures:
    """Make the desk of a plan. Raises NotEmpty unless `force` or nobody ever wrote here."""
    plan = plan.checked()
    figures = Figures({}, {})
    clock = _Clock(figures, say)
    with transaction.atomic(), connection.cursor() as cursor:
        if not force and Conversation.objects.exists():
            raise NotEmpty
        posts = staff()
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute(f"SET LOCAL maintenance_work_mem = '{SORT_MEMORY}'")
        history = History(plan, _bases(cursor), posts, Words(plan.seed), timezone.now())
        clock.lap("made ready")
        with set_aside(cursor, list(COLUMNS)):
            for part in (history.tell(), standing.tickets(history), standing.customers(history)):
                _copy_all(cursor, part, figures)
            _raise_sequences(cursor)
            clock.lap("rows copied")
        clock.lap("indexes and foreign keys made again")
    with connection.cursor() as cursor:
        cursor.execute(f"SET maintenance_work_mem = '{SORT_MEMORY}'")
        cursor.execute(f"VACUUM (ANALYZE) {', '.join(COLUMNS)}")
        cursor.execute("RESET maintenance_work_mem")
    clock.lap("vacuumed and analysed")
    return figures


class _Clock:
    def __init__(self, figures: Figures, say: Callable[[str], None]) -> None:
        self._figures, self._say, self._began = figures, say, time.monotonic()

    def lap(self, what: str) -> None:
        now = time.monotonic()
        self._figures.seconds[what] = round(now - self._began, 1)
        self._say(f"{now - self._began:7.1f} s  {what}")
        self._began = now


def _copy_all(cursor: CursorWrapper, chunks: Iterable[Rows], figures: Figures) -> None:
    for rows in chunks:
        for table, lines in rows.items():
            if lines:
                _copy(cursor, table, lines)
                figures.rows[table] = figures.rows.get(table, 0) + len(lines)


def _copy(cursor: CursorWrapper, table: str, lines: list[str]) -> None:
    columns = ", ".join(COLUMNS[table].split())
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        copy.write("\n".join(lines) + "\n")


def _bases(cursor: CursorWrapper) -> Bases:
    highest = {}
    for name in NUMBERED:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM conversations_{name}")
        highest[name] = cursor.fetchone()[0]
    return Bases(**highest)


def _raise_sequences(cursor: CursorWrapper) -> None:
    for name in NUMBERED:
        table = f"conversations_{name}"
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
        )
