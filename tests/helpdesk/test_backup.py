"""The drill: a desk in use is backed up, destroyed and put back; and what is refused."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tarfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from helpdesk import heartbeats
from helpdesk.backup.archive import Archive, BackupError, Writer, new_file
from tests.helpdesk.drill import FILE, SECRET
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

ROOT = Path(__file__).resolve().parents[2]
ANEW = ("conversation", "delivery", "entry", "ticket")


class Desk:
    """A desk with a database and a folder of its own, reached by commands only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"drill_{secrets.token_hex(4)}"
        server = os.environ["DATABASE_URL"].rpartition("/")[0]
        self.variables = {
            "DATABASE_URL": f"{server}/{self.name}",
            "DATA_DIR": str(folder / "data"),
            "REDIS_PREFIX": self.name,
            "STOP": str(folder / "stop"),
            "ALLOWED_HOSTS": "localhost",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "helpdesk.settings",
        }
        self.admin(f"CREATE DATABASE {self.name}")

    def admin(self, order: str) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(order)  # type: ignore[call-overload]

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words],
            env=os.environ | self.variables | variables,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, expect: int = 0, **variables: str) -> str:
        process = self.start(*words, **variables)
        out, err = process.communicate(timeout=300)
        assert process.returncode == expect, out + err
        return out + err

    def manage(self, *words: str, expect: int = 0, **variables: str) -> str:
        return self.run("manage.py", *words, expect=expect, **variables)

    def drill(self, word: str) -> str:
        return self.run("-m", "tests.helpdesk.drill", word)

    def destroy(self) -> None:
        self.admin(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        shutil.rmtree(self.folder / "data", ignore_errors=True)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.destroy()


def manifest(path: Path) -> dict[str, Any]:
    archive = Archive(path)
    archive.verify()
    return archive.manifest


@pytest.mark.full
def test_a_desk_in_use_is_backed_up_destroyed_and_put_back(desk: Desk, tmp_path: Path) -> None:
    first, second = tmp_path / "first.backup", tmp_path / "second.backup"
    desk.manage("prepare")
    desk.drill("seed")
    writer = desk.start("-m", "tests.helpdesk.drill", "write")
    assert writer.stdout
    assert writer.stdout.readline() == "writing\n"
    said = desk.manage("backup", str(first))
    assert "whoever has it can read everything" in said.replace("\n", " ")
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    Path(desk.variables["STOP"]).touch()
    written = int(writer.communicate(timeout=60)[0])
    assert written > 0
    # Nobody's desk is replaced without their word.
    refused = desk.manage("restore", str(first), expect=1)
    assert "There is a desk here already" in refused
    kept = manifest(first)
    entries = kept["tables"]["conversations_entry"][0]

    desk.destroy()
    desk.admin(f"CREATE DATABASE {desk.name}")
    told = desk.manage("restore", str(first))
    assert "The database will be emptied" in told
    # The one answer that waited may have gone out before all was destroyed.
    assert "may have been sent since: 1." in told
    found = json.loads(desk.drill("look"))
    assert found == {
        # One more says that the answer may not have been sent.
        "entries": entries + 1,
        "agents": 4,
        "signed_in": True,
        "file": sha256(FILE).hexdigest(),
        "large": found["large"],
        "secret": SECRET,
        "gaps": [],
        "deliveries": ["ambiguous"],
        "reset": True,
        "far": True,
    }
    assert found["large"] > 300_000

    # Once more over what is there now, on demand, and then it is the same to the byte, but for
    # what begins anew: the answer that waited, in its ticket and its conversation, and all counts.
    desk.manage("restore", str(first), "--force")
    desk.manage("backup", str(second))
    again = manifest(second)
    differ = {table for table, told in kept["tables"].items() if again["tables"][table] != told}
    assert differ == {f"conversations_{name}" for name in ANEW}
    assert again["tables"].keys() == kept["tables"].keys()
    files = {name: told for name, told in kept["members"].items() if name.startswith("files/")}
    assert len(files) == 2
    assert files.items() <= again["members"].items()
    assert kept["gone"] == []


def test_a_restore_of_another_desk_asks_for_its_keys(desk: Desk, tmp_path: Path) -> None:
    path, keys = tmp_path / "desk.backup", tmp_path / "keys.env"
    desk.manage("prepare")
    desk.manage("backup", str(path))
    other = {"FIELD_ENCRYPTION_KEYS": "B" * 43 + "="}
    refused = desk.manage("restore", str(path), expect=1, **other)
    assert "made with other keys: FIELD_ENCRYPTION_KEYS" in refused
    desk.manage("restore", str(path), "--keys", str(keys), **other)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert f"FIELD_ENCRYPTION_KEYS={'A' * 43}=\n" in keys.read_text()
    both = {"FIELD_ENCRYPTION_KEYS": f"{'B' * 43}=,{'A' * 43}="}
    desk.manage("restore", str(path), **both)
    with psycopg.connect(desk.variables["DATABASE_URL"]) as looking:
        ids = looking.execute("SELECT last_value FROM conversations_entry_id_seq").fetchall()
    assert ids[0][0] >= 1_000_000


def test_a_desk_that_runs_is_not_replaced(
    desk: Desk, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "desk.backup"
    desk.manage("prepare")
    desk.manage("backup", str(path))
    url = desk.variables["DATABASE_URL"]
    with psycopg.connect(url, application_name="helpdesk"):
        refused = desk.manage("restore", str(path), "--force", expect=1)
    assert "Stop web, workers and beat" in refused
    # Without a pool there is no connection to be seen.
    settings.REDIS_PREFIX = desk.name
    # Often enough for one to come before the second look, should the machine have stood still.
    monkeypatch.setattr(heartbeats, "EVERY", 0.05)
    beats = heartbeats.start("beat")
    try:
        until(lambda: "beat" not in heartbeats.missing())
        refused = desk.manage("restore", str(path), "--force", expect=1)
    finally:
        beats.set()
        heartbeats.forget()
    assert "is running: beat gave a sign of life" in refused


def made(path: Path, large: bytes = b"", **about: object) -> Path:
    """A small file of the right kind."""
    with new_file(path) as file:
        writer = Writer(file)
        writer.add_json("about.json", {"format": 1, "migrations": [], "tables": {}} | about)
        writer.add_json("keys.json", {})
        writer.add("files/a/b", BytesIO(b"the bytes of a file"))
        if large:
            writer.add("files/a/large", BytesIO(large))
        writer.close(tables={}, gone=[])
    return path


def test_a_whole_file_is_known_to_be_whole(tmp_path: Path) -> None:
    archive = Archive(made(tmp_path / "whole"))
    archive.verify()
    assert archive.manifest["members"]["files/a/b"] == [
        sha256(b"the bytes of a file").hexdigest(),
        19,
    ]


def test_damage_is_noticed_before_anything_is_touched(tmp_path: Path) -> None:
    path = made(tmp_path / "damaged")
    content = path.read_bytes().replace(b"bytes of a file", b"bytes of a fIle")
    path.write_bytes(content)
    with pytest.raises(BackupError, match="damaged: files/a/b"):
        Archive(path).verify()


def test_a_file_that_breaks_off_is_noticed(tmp_path: Path) -> None:
    path = made(tmp_path / "short", large=os.urandom(100_000))
    whole = path.read_bytes()
    # In and between headers and contents; the last of them in the manifest.
    for end in (0, 300, 512, 700, 3000, 3072, 4096, 50_000, 103_000, 103_936, 104_448, 104_800):
        path.write_bytes(whole[:end])
        with pytest.raises(BackupError):
            Archive(path).verify()


def test_a_file_that_breaks_off_after_it_was_verified_is_noticed(tmp_path: Path) -> None:
    path = made(tmp_path / "short", large=os.urandom(100_000))
    archive = Archive(path)
    archive.verify()
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(BackupError, match="can't be read"):
        [content.read(1000) for _name, content, size in archive.members() for _ in range(size)]


def test_what_nobody_wrote_is_noticed(tmp_path: Path) -> None:
    path = made(tmp_path / "more")
    with tarfile.open(path, "a") as tar:
        info = tarfile.TarInfo("files/../../etc/passwd")
        info.size = 1
        tar.addfile(info, BytesIO(b"x"))
    with pytest.raises(BackupError, match="nobody wrote"):
        Archive(path).verify()


def test_other_files_are_no_backups(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(BackupError, match="can't be read"):
        Archive(tmp_path / "text")
    with pytest.raises(BackupError, match="newer"):
        Archive(made(tmp_path / "newer", format=2))


def test_a_file_that_exists_is_not_overwritten_and_half_a_file_is_not_left(tmp_path: Path) -> None:
    path = made(tmp_path / "once")
    with pytest.raises(BackupError, match="exists already"), new_file(path):
        pass
    with pytest.raises(RuntimeError), new_file(tmp_path / "half") as file:
        file.write(b"half")
        raise RuntimeError
    assert [entry.name for entry in tmp_path.iterdir()] == ["once"]


@pytest.mark.django_db
def test_a_backup_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    from helpdesk.backup.put_back import check

    path = made(tmp_path / "new", migrations=[["conversations", "9999_later"]])
    with pytest.raises(BackupError, match="newer release .it has conversations.9999_later"):
        check(Archive(path), force=True)
