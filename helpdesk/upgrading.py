"""Migrating a desk that is in use: nobody waits long for us, and nobody is caught in a deadlock.

A migration that waits for a lock makes everybody else wait behind it, and one that takes locks one
by one gets entangled with those who write. So each migration is worked out first; then it takes the
locks of all tables it touches, without waiting; where one is not to be had it lets go of all and
comes again. Under the locks there is SQL only.
"""

import random
import re
import time
from typing import Final

import structlog
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

PATIENT_SECONDS: Final = 120
PAUSE: Final = (0.02, 0.2)
LOCK_NOT_AVAILABLE: Final = "55P03"

log = structlog.get_logger(__name__)


def migrate() -> None:
    """Run what has not run, one migration at a time. Raises OperationalError where the locks can't
    be had for PATIENT_SECONDS."""
    executor = MigrationExecutor(connection)
    if executor.loader.applied_migrations:
        for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes()):
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
    with transaction.atomic():
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                for table, mode in locks.items():
                    cursor.execute(f'LOCK TABLE "{table}" IN {mode} MODE NOWAIT')
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != LOCK_NOT_AVAILABLE:
                raise
            return False
        if all(operation.reduces_to_sql for operation in migration.operations):
            _execute(migration, sql)
        else:
            _run(migration)
    return True


def _execute(migration: Migration, sql: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in sql:
            if not statement.startswith("--"):
                cursor.execute(statement)
    MigrationRecorder(connection).record_applied(migration.app_label, migration.name)


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
