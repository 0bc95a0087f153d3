"""`backup` and `restore` on a private copy, which has keys of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpdesk import keys
from helpdesk.backup.archive import Writer, new_file
from tests.helpdesk.running import OURS, ROOT, Running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an unprivileged database can reach, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="helpdesk-attached-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


def manage(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env={name: value for name, value in os.environ.items() if name not in OURS},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_restore_that_only_reads_leaves_the_keys_alone(folder: Path) -> None:
    data, file = folder / "copy", folder / "desk.backup"
    data.mkdir()
    keys.load(data)
    own = (data / "keys.json").read_bytes()
    with new_file(file) as content:
        writer = Writer(content)
        about = {"format": 1, "migrations": [], "tables": {}, "of": "there", "made_at": "then"}
        writer.add_json("about.json", about)
        writer.add_json("keys.json", {"SECRET_KEY": "theirs", "FIELD_ENCRYPTION_KEYS": "theirs"})
        writer.add("files/a", BytesIO(b"a"))
        writer.close(tables={}, gone=[])
    for number, word in enumerate(("--keys={}", "--ke={}", "--chec")):
        out = folder / f"keys-{number}"
        manage("restore", str(file), word.format(out), f"--data={data}")
        assert (data / "keys.json").read_bytes() == own
        assert out.exists() is ("{}" in word)
    assert "SECRET_KEY=theirs" in (folder / "keys-0").read_text()


@pytest.mark.parametrize("command", ["doctor", "backup", "restore"])
def test_each_says_how_it_is_used_and_starts_nothing(folder: Path, command: str) -> None:
    told = manage(command, "--help", f"--data={folder / 'copy'}")
    assert told.startswith(f"usage: manage.py {command}")
    assert not (folder / "copy").exists()


@pytest.mark.full
def test_a_copy_becomes_another_one_with_its_keys(folder: Path) -> None:
    first, second, file = folder / "first", folder / "second", folder / "desk.backup"
    copy = Running(first, "up")
    copy.wait_ready()
    copy.end(signal.SIGINT)
    manage("backup", str(file), "--data", str(first))
    assert "It is whole" in manage("restore", str(file), "--check", "--data", str(second))
    assert not second.exists()
    second.mkdir()
    keys.load(second)
    theirs, own = (json.loads((one / "keys.json").read_text()) for one in (first, second))
    assert own["SECRET_KEY"] != theirs["SECRET_KEY"]
    assert f"up --data {second}" in manage("restore", str(file), "--data", str(second))
    now = json.loads((second / "keys.json").read_text())
    services = {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"}
    assert now == {name: (own if name in services else theirs)[name] for name in theirs}
    copy = Running(second, "up")
    copy.wait_ready()
    copy.end(signal.SIGINT)
