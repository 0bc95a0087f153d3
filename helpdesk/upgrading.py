"""Migrating a desk that is in use: nobody waits long for us, and nobody is caught in a deadlock.

A migration that waits for a lock makes everybody else wait behind it, and one that takes locks one
by one gets entangled with those who write. So each migration is worked out first; then it takes the
locks of all tables it names, without waiting; where one is not to be had it lets go of all and
comes again. What else it turns out to need it waits for a moment only. Under the locks there is SQL
only, where all of it can be worked out before.
"""

import random
import re
import time
from typing import Final

import structlog
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations import AlterField, Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder

PATIENT_SECONDS: Final = 120
PAUSE: Final = (0.02, 0.2)
MOMENT: Final = "2s"
# Not to be had (in time), or only against somebody who wants one of ours: a deadlock.
LOCKED: Final = frozenset({"55P03", "40P01"})

log = structlog.get_logger(__name__)


def migrate() -> None:
    """Run what has not run, one migration at a time. Raises OperationalError where the locks can't
    be had for PATIENT_SECONDS."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return
    if executor.loader.applied_migrations:
        for migration, _backwards in plan:
            _step(migration)
    # The first time nobody is there to wait; later this only tells who wants to know.
    call_command("migrate", interactive=False, verbosity=0)


def _step(migration: Migration) -> None:
    # One that is no transaction builds indexes beside all others' work, and blocks nobody.
    if not migration.atomic:
        _run(migration)
        return
    ends, waited = time.monotonic() + PATIENT_SECONDS, False
    sql = MigrationExecutor(connection).loader.collect_sql([(migration, False)])
    locks = _locks("\n".join(sql))
    while not _run_locked(migration, sql, locks):
        if not waited:
            log.info("migration_waits", app=migration.app_label, migration=migration.name)
        if time.monotonic() > ends:
            raise OperationalError(f"{migration} did not get its locks: {', '.join(locks)}")
        waited = True
        time.sleep(random.uniform(*PAUSE))


def _run_locked(migration: Migration, sql: list[str], locks: dict[str, str]) -> bool:
    """False where a lock is somebody else's; then nothing was done."""
    try:
        with transaction.atomic():
            _lock(locks)
            if all(map(_is_known_before, migration.operations)):
                _execute(migration, sql)
            else:
                _run(migration)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") not in LOCKED:
            raise
        return False
    return True


def _lock(locks: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{MOMENT}'")
        for table, mode in locks.items():
            cursor.execute(f'LOCK TABLE "{table}" IN {mode} MODE NOWAIT')


def _execute(migration: Migration, sql: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in sql:
            if not _is_comment(statement):
                cursor.execute(statement)
    MigrationRecorder(connection).record_applied(migration.app_label, migration.name)


def _is_known_before(operation: Operation) -> bool:
    """Whether the statements it runs are those that were collected. A column's triggers are taken
    off while its type changes, by the schema editor, which finds out only then."""
    return operation.reduces_to_sql and not isinstance(operation, AlterField)


def _is_comment(statement: str) -> bool:
    """Whether there is nothing in it to run."""
    lines = map(str.strip, statement.splitlines())
    return all(line.startswith("--") for line in lines if line)


def _locks(sql: str) -> dict[str, str]:
    """The tables of today that it names, and how it needs them. A trigger or a foreign key keeps
    writers away; whatever else alters a table keeps everybody away."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    found = {}
    for table in tables:
        if re.search(rf'ALTER TABLE "?{table}\b', sql):
            found[table] = "ACCESS EXCLUSIVE"
        elif re.search(rf"\b{table}\b", sql):
            found[table] = "SHARE ROW EXCLUSIVE"
    return found


def _run(migration: Migration) -> None:
    MigrationExecutor(connection).migrate([(migration.app_label, migration.name)])
