"""Rows out of the database and into it, by PostgreSQL's own COPY."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, Final

from django.db import connection

# Who was signed in has to sign in again; which migrations ran is said elsewhere.
LEFT_OUT: Final = frozenset({"django_migrations", "django_session", "helpdesk_probe"})
PART_BYTES: Final = 32 * 1024 * 1024

COLUMNS: Final = """
SELECT c.relname, a.attname FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND a.attgenerated = ''
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname, a.attnum
"""
# Foreign keys that are checked with each row: whom they point at has to be there before.
STRICT: Final = """
SELECT c.conrelid::regclass::text, c.confrelid::regclass::text FROM pg_constraint c
WHERE c.contype = 'f' AND NOT c.condeferrable AND c.conrelid <> c.confrelid
"""
COUNTERS: Final = """
SELECT c.relname, a.attname, pg_get_serial_sequence(quote_ident(c.relname), a.attname),
  a.atttypid = 'bigint'::regtype
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND NOT a.attisdropped
  AND pg_get_serial_sequence(quote_ident(c.relname), a.attname) IS NOT NULL
"""
EMPTY: Final = """
DO $$
DECLARE thing record;
BEGIN
  FOR thing IN
    SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  LOOP EXECUTE 'DROP TABLE ' || thing.name || ' CASCADE'; END LOOP;
  FOR thing IN
    SELECT p.oid::regprocedure AS name FROM pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP EXECUTE 'DROP ROUTINE ' || thing.name || ' CASCADE'; END LOOP;
END $$
"""

Columns = dict[str, list[str]]


def columns() -> Columns:
    """The columns of every table that goes into a backup, without those the database computes."""
    found: Columns = {}
    for table, column in _rows(COLUMNS):
        if table not in LEFT_OUT:
            found.setdefault(table, []).append(column)
    return found


def copy_out(table: str, names: Sequence[str]) -> Iterator[bytes]:
    """The rows as text, in pieces."""
    with connection.cursor() as cursor:
        order = f"COPY {_quoted(table)} ({_listed(names)}) TO STDOUT"
        with cursor.copy(order) as rows:
            for piece in rows:
                yield bytes(piece)


def packed(pieces: Iterable[bytes], digest: Any, into: IO[bytes]) -> Iterator[IO[bytes]]:
    """The pieces in gzipped parts of about PART_BYTES, each in `into`, which is used again."""
    into.seek(0)
    into.truncate()
    zipped = gzip.GzipFile(fileobj=into, mode="wb", compresslevel=3, mtime=0)
    for piece in pieces:
        digest.update(piece)
        zipped.write(piece)
        if into.tell() > PART_BYTES:
            zipped.close()
            into.seek(0)
            yield into
            into.seek(0)
            into.truncate()
            zipped = gzip.GzipFile(fileobj=into, mode="wb", compresslevel=3, mtime=0)
    zipped.close()
    into.seek(0)
    yield into


def copy_in(table: str, names: Sequence[str], parts: Iterable[IO[bytes]]) -> int:
    """Put rows into a table; returns how many they were."""
    with connection.cursor() as cursor:
        order = f"COPY {_quoted(table)} ({_listed(names)}) FROM STDIN"
        with cursor.copy(order) as rows:
            for part in parts:
                with gzip.GzipFile(fileobj=part, mode="rb") as unzipped:
                    while piece := unzipped.read(1024 * 1024):
                        rows.write(piece)
        return int(cursor.rowcount)


def empty_schema() -> None:
    """Drop all tables and functions that are not an extension's."""
    _run(EMPTY)


def prepare(tables: Iterable[str]) -> None:
    """Rows go in as they are: nothing is computed, told or forbidden because of them."""
    for table in tables:
        _run(f"ALTER TABLE {_quoted(table)} DISABLE TRIGGER USER")
    _run(f"TRUNCATE {', '.join(map(_quoted, tables))}")


def finish(tables: Iterable[str]) -> None:
    """Check what rows say of each other."""
    _run("SET CONSTRAINTS ALL IMMEDIATE")
    for table in tables:
        _run(f"ALTER TABLE {_quoted(table)} ENABLE TRIGGER USER")


def count_on(ahead: int) -> None:
    """Counters go on so far behind the highest number that none is given twice which was given
    after the backup: others outside know things by it. Short counters hold nothing of the kind."""
    for table, column, sequence, is_long in _rows(COUNTERS):
        highest = f"(SELECT max({_quoted(column)}) FROM {_quoted(table)})"
        if is_long:
            _run(f"SELECT setval('{sequence}', coalesce({highest}, 0) + {ahead})")
        else:
            _run(f"SELECT setval('{sequence}', coalesce({highest}, 1), {highest} IS NOT NULL)")


def in_order(tables: Iterable[str]) -> list[str]:
    """Tables so that whom a strict foreign key points at comes before."""
    left, after = sorted(tables), dict[str, set[str]]()
    for table, wanted in _rows(STRICT):
        after.setdefault(table.strip('"'), set()).add(wanted.strip('"'))
    ordered: list[str] = []
    while left:
        ready = [table for table in left if not after.get(table, set()) & set(left)]
        if not ready:
            raise ValueError(f"foreign keys in a circle among {left}")
        ordered += ready
        left = [table for table in left if table not in ready]
    return ordered


def named_files(known: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Storage keys that rows name."""
    for table, names in known.items():
        for column in {"raw_key", "storage_key"} & set(names):
            yield from (
                key
                for (key,) in _rows(f"SELECT {column} FROM {_quoted(table)} WHERE {column} > ''")
            )


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
