"""Make a backup while the desk runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from helpdesk.backup import keyring, tables
from helpdesk.backup.archive import ABOUT, FILES, FORMAT, KEYS, TABLES, Writer, new_file

IN_MEMORY: Final = 8 * 1024 * 1024
# What a check leaves for a moment.
PASSING: Final = "doctor/"

Say = Callable[[str], object]


@dataclass
class Taken:
    """What is in a backup: rows by table; files, and their bytes; files a row names that were gone
    before they could be copied."""

    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    file_bytes: int = 0
    gone: list[str] = field(default_factory=list)


def take(path: Path, say: Say = lambda text: None) -> Taken:
    """Write everything to `path`, which must not exist. Raises BackupError."""
    with new_file(path) as file:
        return _write(Writer(file), say)


def _write(writer: Writer, say: Say) -> Taken:
    taken, digests = Taken(), dict[str, Any]()
    with transaction.atomic(durable=True):
        _one_snapshot()
        known = tables.columns()
        named = set(tables.named_files(known))
        writer.add_json(ABOUT, _about(known))
        writer.add_json(KEYS, keyring.ours())
        for table, names in known.items():
            taken.rows[table], digests[table] = _write_table(writer, table, names)
    say(f"{sum(taken.rows.values()):,} rows of {len(taken.rows)} tables")
    copied = set(_write_files(writer, taken))
    taken.gone = sorted(named - copied)
    say(f"{taken.files:,} files, {taken.file_bytes / 1e6:,.1f} MB")
    rows = {table: [count, digests[table]] for table, count in taken.rows.items()}
    writer.close(tables=rows, gone=taken.gone)
    return taken


def _one_snapshot() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # A large table takes longer than anything else the desk does.
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SET LOCAL {limit} = 0")


def _about(known: tables.Columns) -> dict[str, object]:
    applied = MigrationRecorder(connection).applied_migrations()
    return {
        "format": FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "of": settings.BASE_URL,
        "postgres": connection.cursor().connection.info.server_version,
        "migrations": sorted(map(list, applied)),
        "tables": known,
    }


def _write_table(writer: Writer, table: str, names: list[str]) -> tuple[int, str]:
    digest, count = sha256(), 0

    def counted() -> Iterator[bytes]:
        nonlocal count
        for piece in tables.copy_out(table, names):
            # A line break inside a value is written as \n, so each one ends a row.
            count += piece.count(b"\n")
            yield piece

    with SpooledTemporaryFile(IN_MEMORY) as part:
        packed = tables.packed(counted(), digest, cast("IO[bytes]", part))
        for number, content in enumerate(packed):
            writer.add(f"{TABLES}{table}/{number:06}.gz", content)
    return count, digest.hexdigest()


def _write_files(writer: Writer, taken: Taken) -> Iterator[str]:
    for key in stored_keys():
        with SpooledTemporaryFile(IN_MEMORY) as held:
            content = cast("IO[bytes]", held)
            try:
                with default_storage.open(key) as source:
                    for chunk in source.chunks():
                        content.write(chunk)
            except FileNotFoundError:
                continue
            taken.files += 1
            taken.file_bytes += content.tell()
            content.seek(0)
            writer.add(FILES + key, content)
        yield key


def stored_keys(folder: str = "") -> Iterator[str]:
    """Every file of the storage, by name."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(files):
        if not (key := folder + name).startswith(PASSING):
            yield key
    for name in sorted(folders):
        yield from stored_keys(f"{folder}{name}/")
