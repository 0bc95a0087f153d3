"""Put a backup back: the desk becomes what it was, whatever was there before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from typing import IO, Final

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from redis import RedisError

from conversations.models import Agent, Conversation
from helpdesk import heartbeats
from helpdesk.backup import anew, keyring, tables
from helpdesk.backup.archive import FILES, TABLES, Archive, BackupError

PATIENCE: Final = "10s"
# How far behind the backup's numbers new ones begin: at least, and for each second since. Nobody
# makes as many, so putting the same backup back again later doesn't give one twice either.
AHEAD: Final = 1_000_000
AHEAD_A_SECOND: Final = 100

Say = Callable[[str], object]
Names = set[tuple[str, str]]


def put_back(archive: Archive, *, force: bool, say: Say = lambda text: None) -> None:
    """Empty the database and fill it from the backup. Raises BackupError before anything is
    touched, unless the database itself breaks. `force`: also over a desk in use."""
    archive.verify()
    check(archive, force=force)
    say("Emptying the database …")
    tables.empty_schema()
    say("Making the tables as they were …")
    _migrate_to(_names(archive))
    rows, ahead = _fill(archive), ahead_of(archive)
    tables.count_on(ahead)
    call_command("migrate", interactive=False, verbosity=0)
    say(f"{rows:,} rows are back.")
    doubtful = anew.begin(ahead)
    files = sum(1 for _ in _put_files(archive))
    say(f"{files:,} files are back.")
    say(f"Messages that waited and may have been sent since: {doubtful:,}.")
    if doubtful:
        say("None of them goes out by itself; agents find them marked, and decide.")


def ahead_of(archive: Archive) -> int:
    """How many numbers are left out, since they may have been given after the backup."""
    since = datetime.now(UTC) - datetime.fromisoformat(archive.about["made_at"])
    return AHEAD + AHEAD_A_SECOND * max(int(since.total_seconds()), 0)


def check(archive: Archive, *, force: bool) -> None:
    """Raises BackupError with the first thing that speaks against it."""
    if unknown := _names(archive) - set(_executor().loader.graph.nodes):
        app, name = sorted(unknown)[-1]
        raise BackupError(
            f"The backup is of a newer release (it has {app}.{name}). Install that one first."
        )
    if lacking := keyring.lacking(archive.keys):
        raise BackupError(
            f"The backup was made with other keys: {', '.join(lacking)}. Write them to a file with"
            " --keys PATH, put them into the environment, and come again."
        )
    if busy := _others():
        raise BackupError(
            f"The desk is running ({busy} connections). Stop web, workers and beat, and come again."
        )
    if alive := _alive():
        raise BackupError(
            f"The desk is running: {', '.join(alive)} gave a sign of life just now. Stop web,"
            " workers and beat, and come again."
        )
    if not force and in_use():
        raise BackupError(
            "There is a desk here already. All of it would be lost. Make a backup of it, and use"
            " --force if you mean it."
        )


def in_use() -> bool:
    """Whether anybody works in this desk, or anything came in."""
    if Agent._meta.db_table not in connection.introspection.table_names():
        return False
    try:
        return Agent.objects.exists() or Conversation.objects.exists()
    except DatabaseError:
        return True  # tables of another release


def _others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'helpdesk' AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def _alive() -> list[str]:
    """Without a pool nobody has a connection who has nothing to do at the moment."""
    with suppress(RedisError):
        return heartbeats.renewed()
    return []


def _names(archive: Archive) -> Names:
    return {(app, name) for app, name in archive.about["migrations"]}


def _executor() -> MigrationExecutor:
    return MigrationExecutor(connection)


def _migrate_to(wanted: Names) -> None:
    """Only what had run when the backup was made. What replaces others counts as they do."""
    executor = _executor()
    graph = executor.loader.graph
    last = [
        node
        for node in sorted(wanted)
        if not any(child.key in wanted for child in graph.node_map[node].children)
    ]
    executor.migrate(last)


def _fill(archive: Archive) -> int:
    known, told = archive.about["tables"], archive.manifest["tables"]
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        tables.prepare(known)
        counts = dict.fromkeys(known, 0)
        for table in tables.in_order(known):
            counts[table] = tables.copy_in(table, known[table], _parts(archive, table))
        tables.finish(known)
        wrong = [table for table, count in counts.items() if count != told[table][0]]
        if wrong:
            raise BackupError(f"{wrong[0]} did not get as many rows as it had. Nothing was filled.")
    return sum(counts.values())


def _parts(archive: Archive, table: str) -> Iterator[IO[bytes]]:
    prefix = f"{TABLES}{table}/"
    for whose, members in groupby(archive.members(), lambda one: one[0].startswith(prefix)):
        if whose:
            yield from (content for _name, content, _size in members)
            return


def _put_files(archive: Archive) -> Iterator[str]:
    """A file that is there already under its name is the same one, or is replaced."""
    for name, content, _size in archive.members():
        if name.startswith(FILES):
            key = name.removeprefix(FILES)
            if default_storage.exists(key):
                default_storage.delete(key)
            saved = default_storage.save(key, File(content))
            if saved != key:
                raise BackupError(f"The storage keeps {key} under another name.")
            yield key
