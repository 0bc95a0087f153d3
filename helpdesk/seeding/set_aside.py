"""Indexes and foreign keys out of the way while rows are copied in, and back as they were.

All of it happens in the caller's transaction: should anything fail, the database is as it was. A
foreign key that is added again checks every row, so what was copied obeys it or nothing is kept.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.backends.utils import CursorWrapper

# A unique constraint or index that a table outside refers to has to stay.
CONSTRAINTS = """
SELECT c.conname, c.conrelid::regclass::text, c.contype::text, pg_get_constraintdef(c.oid)
FROM pg_constraint c
WHERE c.conrelid = ANY(%(tables)s::regclass[]::oid[]) AND c.contype IN ('f', 'u')
  AND NOT EXISTS (
    SELECT 1 FROM pg_constraint f WHERE f.contype = 'f' AND c.contype = 'u'
      AND f.conindid = c.conindid AND f.conrelid <> ALL (%(tables)s::regclass[]::oid[]))
ORDER BY c.contype DESC, c.conname
"""
INDEXES = """
SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, 'i',
       pg_get_indexdef(i.indexrelid)
FROM pg_index i
WHERE i.indrelid = ANY(%(tables)s::regclass[]::oid[])
  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid
                  AND c.contype IN ('p', 'u', 'x'))
  AND NOT EXISTS (
    SELECT 1 FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = i.indexrelid
      AND f.conrelid <> ALL (%(tables)s::regclass[]::oid[]))
ORDER BY 1
"""


class NotRestored(Exception):
    """What was set aside is not back as it was; the transaction must not be committed."""


@dataclass(frozen=True)
class Definition:
    """One index, unique constraint or foreign key, and the SQL that makes it."""

    name: str
    table: str
    kind: str
    sql: str

    @property
    def drop(self) -> str:
        if self.kind == "i":
            return f"DROP INDEX {self.name}"
        return f'ALTER TABLE {self.table} DROP CONSTRAINT "{self.name}"'

    @property
    def create(self) -> str:
        if self.kind == "i":
            return self.sql
        return f'ALTER TABLE {self.table} ADD CONSTRAINT "{self.name}" {self.sql}'


@contextmanager
def set_aside(cursor: CursorWrapper, tables: Sequence[str]) -> Iterator[None]:
    """Drop what slows down copying into `tables`; make it again at the end.

    Raises NotRestored, and IntegrityError for rows that break a rule.
    """
    before = definitions(cursor, tables)
    foreign_first = sorted(before, key=lambda one: one.kind != "f")
    for one in foreign_first:
        cursor.execute(one.drop)
    yield
    for one in reversed(foreign_first):
        cursor.execute(one.create)
    # By name: PostgreSQL words some conditions another way after each reading of its own words.
    after = {(one.name, one.table, one.kind) for one in definitions(cursor, tables)}
    if after != {(one.name, one.table, one.kind) for one in before}:
        raise NotRestored


def definitions(cursor: CursorWrapper, tables: Sequence[str]) -> list[Definition]:
    found: list[Definition] = []
    for query in (CONSTRAINTS, INDEXES):
        cursor.execute(query, {"tables": list(tables)})
        found += [Definition(*row) for row in cursor.fetchall()]
    return found
