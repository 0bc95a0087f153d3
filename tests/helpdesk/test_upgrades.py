"""A newer release migrates the desk while processes of the older one still work in it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations import Migration, RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from helpdesk import upgrading

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
# The last state of which a release may be in use.
RELEASED = {
    "conversations": "0007_goes_on_by",
    "channels_inbox": "0002_chat",
    "helpdesk": "0001_initial",
}
RELEASE = "9bdecb2"

WRITER = """
import os, sys
from pathlib import Path
import django
django.setup()
from conversations.models import Inbox
from tests.builders import make_cast, write_in
stop = Path(os.environ["STOP"])
inbox = Inbox.objects.first() or make_cast().inbox
count = 0
while not stop.exists():
    write_in(inbox, sender=f"c{count % 30}@example.org", text=f"Still here, {count}")
    count += 1
    print(count, flush=True)
"""


def statements() -> Iterator[tuple[str, str]]:
    """(migration, SQL statement) of everything that is newer than RELEASED."""
    loader = MigrationLoader(connection)
    for app, name in sorted(loader.graph.nodes):
        if app in RELEASED and name > RELEASED[app]:
            out = StringIO()
            call_command("sqlmigrate", app, name, stdout=out)
            text = re.sub(r"(?m)^--.*$", "", out.getvalue())
            for statement in text.split(";\n"):
                yield f"{app}.{name}", " ".join(statement.split())


def tables_before() -> set[str]:
    loader = MigrationLoader(connection)
    state = loader.project_state(list(RELEASED.items()))
    return {model._meta.db_table for model in state.apps.get_models()}


HARMFUL = (
    (
        r'CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).* ON "?({t})"?',
        "blocks writers while it is built",
    ),
    (r'ALTER TABLE "?({t})"? .*DROP COLUMN', "old code still asks for it"),
    (r'ALTER TABLE "?({t})"? .*RENAME', "old code still uses the name"),
    (r'DROP TABLE "?({t})"?', "old code still uses it"),
    (r'ALTER TABLE "?({t})"? .*ALTER COLUMN \S+ TYPE', "writes the table anew under a lock"),
    (r'ALTER TABLE "?({t})"? .*SET NOT NULL', "reads the table under a lock"),
    (r'ALTER TABLE "?({t})"? ADD COLUMN (?!.*DEFAULT).*NOT NULL', "old code doesn't fill it"),
    (
        r'ALTER TABLE "?({t})"? ADD CONSTRAINT (?!.*(?:NOT VALID|USING INDEX))'
        r".*(?:CHECK|FOREIGN KEY|UNIQUE)",
        "reads the table under a lock: NOT VALID first, VALIDATE later",
    ),
)


def harm(statement: str, tables: set[str]) -> list[str]:
    """What a statement does to those who use these tables."""
    names = "|".join(sorted(tables))
    return [
        why
        for pattern, why in HARMFUL
        if re.search(
            pattern.replace("{t}", names) + r"(?![a-z_])" * pattern.endswith('"?'), statement
        )
    ]


@pytest.mark.django_db(transaction=True)
def test_newer_migrations_leave_old_code_alone() -> None:
    tables = tables_before()
    assert "conversations_ticket" in tables
    found = [(whose, why, one[:90]) for whose, one in statements() for why in harm(one, tables)]
    assert found == []


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX "x" ON "conversations_ticket" ("a")',
        'ALTER TABLE "conversations_ticket" DROP COLUMN "subject" CASCADE',
        'ALTER TABLE "conversations_ticket" RENAME COLUMN "a" TO "b"',
        'ALTER TABLE "conversations_ticket" ADD COLUMN "a" integer NOT NULL',
        'ALTER TABLE "conversations_ticket" ADD CONSTRAINT "c" CHECK ("a" > 0)',
        'ALTER TABLE "conversations_ticket" ADD CONSTRAINT "c" UNIQUE ("a")',
        'ALTER TABLE "conversations_ticket" ALTER COLUMN "a" TYPE bigint',
    ],
)
def test_harm_is_known(statement: str) -> None:
    assert harm(statement, {"conversations_ticket"})


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX CONCURRENTLY "x" ON "conversations_ticket" ("a")',
        'CREATE INDEX "x" ON "conversations_ticket_news" ("a")',
        'ALTER TABLE "conversations_ticket" ADD COLUMN "a" integer DEFAULT 0 NOT NULL',
        'ALTER TABLE "conversations_ticket" ADD COLUMN "a" integer NULL',
        'ALTER TABLE "conversations_ticket" ADD CONSTRAINT "c" CHECK ("a" > 0) NOT VALID',
        'ALTER TABLE "conversations_ticket" ADD CONSTRAINT "c" UNIQUE USING INDEX "i"',
    ],
)
def test_no_harm_is_known_too(statement: str) -> None:
    assert harm(statement, {"conversations_ticket"}) == []


@pytest.fixture
def table(transactional_db: None) -> Iterator[str]:
    """A table of the tests with an index, and what was run there is forgotten."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE upgraded (id int); CREATE INDEX by_id ON upgraded (id)")
    yield "upgraded"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE upgraded")
    MigrationRecorder(connection).record_unapplied("conversations", "9999_tested")


def test_a_lock_that_is_not_guessed_is_waited_for_a_moment_only(table: str) -> None:
    """Dropping an index keeps everybody from a table that the statement doesn't name."""
    migration = running("DROP INDEX by_id")
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{server}/{connection.settings_dict['NAME']}") as reader:
        reader.execute("SELECT FROM upgraded")
        assert run(migration) is False
        assert not was_recorded(migration)
        reader.rollback()
        assert run(migration) is True
        assert was_recorded(migration)


def test_a_statement_that_begins_with_a_comment_is_run(table: str) -> None:
    assert run(running("-- Why.\nALTER TABLE upgraded ADD COLUMN more int")) is True
    with connection.cursor() as cursor:
        cursor.execute("SELECT more FROM upgraded")


def running(sql: str) -> Migration:
    migration = Migration("9999_tested", "conversations")
    migration.operations = [RunSQL(sql)]
    return migration


def run(migration: Migration) -> bool:
    """As `_step` has it run."""
    with connection.schema_editor(collect_sql=True, atomic=True) as editor:
        migration.apply(ProjectState(), editor, collect_sql=True)
    sql = editor.collected_sql
    return upgrading._run_locked(migration, sql, upgrading._locks("\n".join(sql)))


@pytest.mark.django_db(transaction=True)
def test_an_index_whose_building_was_interrupted_is_built_again() -> None:
    loader = MigrationLoader(connection)
    state = loader.project_state(("conversations", "0009_api"))
    migration = loader.get_migration("conversations", "0010_ticket_opened")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ticket_opened'::regclass"
        )
    with connection.schema_editor(atomic=False) as editor:
        migration.apply(state, editor)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ticket_opened'::regclass"
        )
        assert cursor.fetchall() == [(True,)]


def was_recorded(migration: Migration) -> bool:
    applied = MigrationRecorder(connection).applied_migrations()
    return (migration.app_label, migration.name) in applied


class Database:
    """One of this test, with a folder for what stands beside it."""

    def __init__(self, folder: Path) -> None:
        self.name, self.folder = f"upgrade_{secrets.token_hex(4)}", folder
        server = os.environ["DATABASE_URL"].rpartition("/")[0]
        self.url = f"{server}/{self.name}"
        self.admin(f"CREATE DATABASE {self.name}")

    def admin(self, order: str) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
            admin.execute(order)  # type: ignore[call-overload]

    def start(self, code: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
        ours = {
            "DATABASE_URL": self.url,
            "DATA_DIR": str(self.folder / "data"),
            "STOP": str(self.folder / "stop"),
            "DJANGO_SETTINGS_MODULE": "helpdesk.settings",
            "LOG_LEVEL": "ERROR",
        }
        return subprocess.Popen(
            [sys.executable, *words],
            env=os.environ | ours | variables,
            cwd=code,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, code: Path, *words: str) -> str:
        process = self.start(code, *words)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, out + err
        return out


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path)
    yield made
    made.admin(f"DROP DATABASE {made.name} WITH (FORCE)")


@pytest.fixture
def old_code(tmp_path: Path) -> Path:
    """The release before, out of the history."""
    if not shutil.which("git"):
        pytest.skip("git is not installed, so there is no older release to run")
    archive = subprocess.run(["git", "archive", RELEASE], cwd=ROOT, capture_output=True)
    if archive.returncode:
        pytest.skip(f"the history here doesn't reach back to {RELEASE}")
    folder = tmp_path / "old"
    folder.mkdir()
    subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, check=True)
    return folder


@pytest.mark.full
def test_a_desk_is_migrated_while_old_code_writes(database: Database, old_code: Path) -> None:
    database.run(old_code, "manage.py", "prepare")
    # Whoever waits longer than this for a lock fails, and so does the test.
    writer = database.start(old_code, "-c", WRITER, PGOPTIONS="-c lock_timeout=5s")
    assert writer.stdout
    before = int(writer.stdout.readline())
    database.run(ROOT, "manage.py", "prepare")
    for _ in range(20):
        assert writer.stdout.readline(), writer.stderr and writer.stderr.read()
    (database.folder / "stop").touch()
    out, err = writer.communicate(timeout=60)
    assert writer.returncode == 0, err
    written = int(out.split()[-1]) if out.split() else before + 20
    with psycopg.connect(database.url) as looking:
        [(messages,)] = looking.execute(
            "SELECT count(*) FROM conversations_entry WHERE kind = 'message'"
        ).fetchall()
        [(newest,)] = looking.execute(
            "SELECT count(*) FROM django_migrations WHERE app = 'conversations'"
            " AND name > '0007_goes_on_by'"
        ).fetchall()
    assert messages == written
    assert newest > 0


@pytest.mark.full
def test_a_migration_lets_others_pass_while_it_waits(database: Database, old_code: Path) -> None:
    """Somebody writes a table for long. The migration wants it, gives up, comes again; meanwhile
    others write in that and in others it wants."""
    database.run(old_code, "manage.py", "prepare")
    with psycopg.connect(database.url) as reader, psycopg.connect(database.url) as writer:
        reader.execute("LOCK TABLE conversations_ticket IN ROW EXCLUSIVE MODE")
        upgrade = database.start(ROOT, "manage.py", "prepare", LOG_LEVEL="INFO")
        assert upgrade.stderr
        while "migration_waits" not in (line := upgrade.stderr.readline()):
            assert line, f"it wanted no lock: {upgrade.stderr.read()}"
        writer.execute("SET lock_timeout = '1s'")
        for _ in range(3):
            writer.execute("UPDATE conversations_agent SET name = name")
            writer.commit()
            time.sleep(0.5)
        reader.rollback()
    assert upgrade.wait(120) == 0
