"""The same code on services somebody else runs: each process is started alone, DEBUG is off."""

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from helpdesk.embedded import Place, Postgres, Valkey, free_port, server_port
from helpdesk.supervisor import Child
from tests.helpdesk.running import OURS, ROOT
from tests.patience import until

pytestmark = pytest.mark.full


@pytest.fixture
def services() -> Iterator[dict[str, str]]:
    """Variables that lead to a PostgreSQL and a Valkey of this test."""
    folder = Path(os.environ["TEST_DATA_DIR"]) / f"given-{secrets.token_hex(4)}"
    place = Place.beside(folder)
    postgres = Postgres(place, "secret", server_port(), durable=False)
    valkey = Valkey(place, "secret", free_port(), durable=False)
    with ExitStack() as stack:
        for server in (postgres, valkey):
            child = Child(server.prepare(), folder / "server.log")
            stack.callback(child.stop)
            child.wait_ready(30)
        yield {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
            "REPLY_TOKEN_KEYS": secrets.token_urlsafe(32),
            "ALLOWED_HOSTS": "127.0.0.1",
            "BASE_URL": "http://127.0.0.1",
            "DATA_DIR": str(folder / "data"),
        }


def start(services: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    """Run a management command on these services."""
    others = {name: value for name, value in os.environ.items() if name not in OURS}
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    return subprocess.Popen(command, env=others | services, stderr=subprocess.DEVNULL)


def status(port: int) -> int:
    """What the strict readiness check answers; 0 while nobody listens."""
    try:
        address = f"http://127.0.0.1:{port}/readyz?strict=1"
        return int(urllib.request.urlopen(address, timeout=30).status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_for(expected: int, port: int, seconds: float = 120) -> None:
    """Wait until the readiness check answers as expected."""
    deadline = time.monotonic() + seconds
    while (answer := status(port)) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer == expected


def test_web_workers_and_beat_run_alone_and_stop_when_asked(services: dict[str, str]) -> None:
    port = free_port()
    assert start(services, "prepare").wait(120) == 0
    web = start(services, "web", f"--port={port}")
    wait_for(503, port)
    rest = [
        start(services, "worker", "--queue=fast"),
        start(services, "worker", "--queue=slow"),
        start(services, "beat"),
    ]
    wait_for(200, port)
    for process in (*rest, web):
        process.send_signal(signal.SIGTERM)
    assert [process.wait(20) for process in rest] == [0, 0, 0]
    assert web.wait(20) in (0, -signal.SIGTERM)


def test_workers_return_after_the_broker_did(services: dict[str, str]) -> None:
    """A restarted Valkey, empty, is found again without a restart of anything else."""
    port = free_port()
    assert start(services, "prepare").wait(120) == 0
    processes = [
        start(services, "web", f"--port={port}"),
        start(services, "worker", "--queue=fast"),
        start(services, "worker", "--queue=slow"),
        start(services, "beat"),
    ]
    wait_for(200, port)
    place = Place.beside(Path(services["DATA_DIR"]).parent)
    valkey = Valkey(place, "secret", urlsplit(services["REDIS_URL"]).port or 0, durable=False)
    with redis.Redis.from_url(services["REDIS_URL"]) as client:
        client.shutdown(nosave=True)
    wait_for(503, port)
    child = Child(valkey.prepare(), place.folder / "again.log")
    wait_for(200, port)
    # Beat fills the queue every two seconds; only a worker that listens empties it.
    with redis.Redis.from_url(services["REDIS_URL"]) as client:
        until(lambda: bool(client.llen("helpdesk:fast")))
        until(lambda: not client.llen("helpdesk:fast"), 60)
        time.sleep(5)
        until(lambda: not client.llen("helpdesk:fast"))
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(20)
    child.stop()
