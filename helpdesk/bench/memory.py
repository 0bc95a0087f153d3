"""How much memory the whole product takes: every process of `manage.py up`, idle and at work.

PSS shares what several processes map among them, so their sum counts each page once. PostgreSQL's
shared buffers are left out: how large they are is a setting.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from helpdesk.bench import live
from helpdesk.embedded import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
SOCKETS: Final = 500
# Opened before, as the first ones bring what all of them use.
WARM: Final = 20
# Until what starting left behind has been given back.
REST: Final = 8.0
# Not for the product that is measured: it makes its own.
OURS: Final = (
    "DATABASE_URL", "REDIS_URL", "REDIS_PREFIX", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATA_DIR",
    "REPLY_TOKEN_KEYS", "ALLOWED_HOSTS", "BASE_URL", "CSRF_TRUSTED_ORIGINS", "DB_POOL_SIZE",
    "LOCAL", "DEMO", "DJANGO_SETTINGS_MODULE",
)  # fmt: skip


def measure(count: int, seed: int) -> dict[str, Any]:
    """MiB of `manage.py up`, idle and while pages are read; KiB of one idle socket, by what a web
    process of the desk of this database takes for 500 of them."""
    with product() as leader:
        time.sleep(REST)
        idle = taken(leader)
    return {"idle": idle, **_with_sockets(count, seed, idle)}


def _with_sockets(count: int, seed: int, idle: dict[str, Any]) -> dict[str, Any]:
    """What work adds is measured on a web process of its own, on the seeded desk."""
    viewers, tickets = live.signed_in(), live.some_tickets(random.Random(seed), SOCKETS)
    with live.web() as (port, pid):
        with live.onlookers(port, live.pages_of(viewers, tickets[:WARM])):
            time.sleep(REST)
            before = pss(pid)[0]
            with live.onlookers(port, live.pages_of(viewers, tickets[WARM:])):
                time.sleep(REST)
                after = pss(pid)[0]
        pages = live.pages_of(viewers, tickets[:100]) + live.lists_of(viewers)
        live.run(port, pages, live.noting(viewers[0], tickets[:100]), count)
        loaded = pss(pid)[0]
    return {
        "socket_kib": round((after - before) / (SOCKETS - WARM), 1),
        "web": {"idle_mib": _mib(before), "sockets_mib": _mib(after), "loaded_mib": _mib(loaded)},
        "loaded": {"mib": round(idle["mib"] + _mib(max(0, after - before, loaded - before)), 1)},
    }


def taken(leader: int) -> dict[str, Any]:
    """MiB of all processes that `leader` started, and of itself; by name, the largest first."""
    parts: dict[str, float] = {}
    shared = 0
    for pid in family(leader):
        try:
            own, buffers = pss(pid)
            name = _name(pid)
        except OSError:
            continue
        if name.startswith("postgres"):
            shared += buffers
            own -= buffers
        parts[name] = round(parts.get(name, 0.0) + _mib(own), 1)
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    return {
        "mib": round(sum(parts.values()), 1),
        "buffers_mib": _mib(shared),
        "parts": dict(ordered),
    }


def family(leader: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found, outer = [leader], [leader]
    while outer:
        outer = [child for pid in outer for child in children.get(pid, [])]
        found += outer
    return found


def pss(pid: int) -> tuple[int, int]:
    """KiB of a process, with its share of what others map too; how much of it is shared memory."""
    told = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        told[name] = int(value.split()[0])
    return told["Pss"], told.get("Pss_Shmem", 0)


@contextmanager
def product() -> Iterator[int]:
    """`manage.py up` in a folder of its own; the number of its first process."""
    folder = Path(tempfile.mkdtemp(prefix="helpdesk-bench-"))
    folder.chmod(0o711)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", f"--data={folder / 'up'}", f"--port={port}"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in OURS},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_ready(f"http://127.0.0.1:{port}/readyz?strict=1")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_ready(url: str) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise live.Unshown("the product did not start")


def _name(pid: int) -> str:
    """As `ps` would, shortened: "manage.py web", "postgres: checkpointer"."""
    text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    words = text.split()
    if not words:
        return str(pid)
    return "postgres" if "postgres" in words[0] else " ".join(words[:3])[-40:]


def _mib(kib: float) -> float:
    return round(kib / 1024, 1)
