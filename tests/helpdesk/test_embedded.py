"""The private servers: real, private, and gone with us."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from helpdesk import caching, embedded, keys
from helpdesk.caching import TolerantRedisCache
from helpdesk.embedded import (
    Account,
    EmbeddedError,
    Place,
    Postgres,
    Valkey,
    free_port,
    server_port,
)
from helpdesk.supervisor import Child, Service, StartError, runs, take_lock
from tests.patience import PATIENCE, until

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_it_is_a_real_postgresql_that_knows_vietnamese() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower('ĐƯỜNG'), current_setting('server_encoding'), version()")
        lowered, encoding, version = cursor.fetchone()
    assert (lowered, encoding) == ("đường", "UTF8")
    assert version.startswith("PostgreSQL 1")


def test_strangers_get_in_nowhere() -> None:
    folder = Path(os.environ["TEST_DATA_DIR"]) / f"strangers-{os.getpid()}"
    server = Valkey(Place.beside(folder), "secret", port := free_port())
    child = Child(server.prepare(), folder / "valkey.log")
    child.wait_ready(PATIENCE)
    with pytest.raises(redis.AuthenticationError), redis.Redis(port=port) as stranger:
        stranger.ping()
    child.stop()
    assert Account.choose().uid != 0


def test_what_it_kept_survives_kill_9(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = Path(os.environ["TEST_DATA_DIR"]) / f"kill-{os.getpid()}"
    server = Valkey(Place.beside(folder), "secret", free_port())
    for expected in (None, b"kept"):
        child = Child(server.prepare(), folder / "valkey.log")
        child.wait_ready(PATIENCE)
        with redis.Redis.from_url(server.url, socket_timeout=2 * PATIENCE) as client:
            assert client.get("key") == expected
            client.set("key", "kept")
            # Until it is in the file, however long the disk takes.
            written, _copies = client.execute_command("WAITAOF", 1, 0, int(PATIENCE * 1000))
            assert written == 1
        child.process.send_signal(signal.SIGKILL)
        child.finish()


def test_a_port_in_use_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    free = embedded.server_port()
    assert free in embedded.SERVER_PORTS
    with socket.create_server(("127.0.0.1", free)):
        monkeypatch.setattr(embedded, "SERVER_PORTS", range(free, free + 50))
        assert {embedded.server_port() for _ in range(20)}.isdisjoint({free})


def test_a_broken_cluster_is_reported_with_what_the_server_said() -> None:
    folder = Path(os.environ["TEST_DATA_DIR"]) / f"broken-{os.getpid()}"
    server = Postgres(Place.beside(folder), "secret", server_port(), durable=False)
    child = Child(server.prepare(), folder / "postgres.log")
    child.wait_ready(PATIENCE)
    child.stop()
    (server.home / "data" / "global" / "pg_control").unlink()
    child = Child(server.prepare(), folder / "postgres.log")
    with pytest.raises(StartError, match="(?s)postgres ended while starting.*pg_control"):
        child.wait_ready(PATIENCE)


def test_servers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from helpdesk.supervisor import Child, Service\n"
        "child = Child(Service('sleep', ['sleep', '60']), Path(sys.argv[1]))\n"
        "print(child.process.pid, flush=True); input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert parent.stdout
    child = parent.stdout.readline().strip()
    assert runs(child)
    parent.kill()
    parent.communicate()
    until(lambda: not runs(child))


@pytest.mark.parametrize("goes", [True, False])
def test_a_child_that_ignores_the_request_is_killed_with_its_own_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes: bool
) -> None:
    stubborn = ["sh", "-c", "trap '' TERM; sleep 61 & echo $!; wait; sleep 62"]
    child = Child(Service("stubborn", stubborn, patience=0.2), tmp_path / "log")
    until(lambda: (tmp_path / "log").read_text().strip())
    grandchild = (tmp_path / "log").read_text().strip()
    # Once killed it is waited for as long as a busy machine takes; or the kernel keeps it.
    wait, waits = child.process.wait, iter((0.2, PATIENCE if goes else 0))
    monkeypatch.setattr(child.process, "wait", lambda _patience: wait(next(waits)))
    with suppress(subprocess.TimeoutExpired):
        child.stop()
    until(lambda: not child.alive)
    until(lambda: not runs(grandchild) or state(grandchild) == "Z")


def state(pid: str) -> str:
    """One letter from the kernel; Z is a process that only waits to be counted."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_a_lock_is_held_until_the_last_holder_is_gone(tmp_path: Path) -> None:
    lock = take_lock(tmp_path / "lock")
    child = Child(Service("sleep", ["sleep", "60"]), tmp_path / "log", keep=[lock])
    os.close(lock)
    with pytest.raises(StartError, match="Another copy runs on .* --data"):
        take_lock(tmp_path / "lock", patience=0.1)
    child.stop()
    os.close(take_lock(tmp_path / "lock"))


def test_keys_are_made_once_and_are_ours_alone(tmp_path: Path) -> None:
    made = keys.load(tmp_path)
    assert keys.load(tmp_path) == made
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_lost_or_damaged_keys_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    with pytest.raises(keys.KeysError, match="is missing, but"):
        keys.load(tmp_path)
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(keys.KeysError, match="can't be read"):
        keys.load(tmp_path)


def test_it_knows_where_another_account_may_go(tmp_path: Path) -> None:
    stranger = Account(uid=54321, gid=54321, switch=True)
    tmp_path.chmod(0o700)
    assert not stranger.reaches(tmp_path / "inside" / "deeper")
    assert Account(os.getuid(), os.getgid(), switch=True).can(tmp_path, 1)
    assert Account(uid=54321, gid=54321, switch=False).reaches(tmp_path / "inside")


def test_servers_move_where_their_account_can_go_and_stay_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Account(uid=os.getuid(), gid=os.getgid(), switch=True)
    monkeypatch.setattr(Account, "choose", classmethod(lambda cls: stranger))
    monkeypatch.setattr(embedded, "VAR", tmp_path / "var")
    data = tmp_path / "closed" / "data"
    data.mkdir(parents=True)
    (data / "services").mkdir()
    monkeypatch.setattr(Account, "reaches", lambda self, path: "closed" not in path.parts)
    with pytest.raises(EmbeddedError, match="can't enter all folders above .* chmod o\\+x"):
        Place.beside(data)
    (data / "services").rmdir()
    place = Place.beside(data)
    assert (place.moved, place.folder.parent) == (True, tmp_path / "var" / "helpdesk")
    assert Place.beside(data) == place
    with pytest.raises(keys.KeysError, match="is missing, but"):
        keys.load(data)
    (data / "services").unlink()
    assert Place.beside(data) != place


def test_a_missing_package_is_named() -> None:
    with pytest.raises(EmbeddedError, match="no_such_wheel is not installed. Run `uv sync`"):
        embedded.package("no_such_wheel")


def test_the_cache_works_without_redis_and_returns_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TolerantRedisCache, "avoided_until", 0)
    # All of this happens while the other one is avoided, too.
    monkeypatch.setattr(caching, "AVOIDED_FOR", 3600.0)
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    alone = TolerantRedisCache(nowhere, {"KEY_PREFIX": "alone"})
    assert alone.get("key", "nothing") == "nothing"
    assert alone.add("key", 1, timeout=60)
    assert not alone.add("key", 2, timeout=60)
    assert (alone.incr("key"), alone.get("key")) == (2, 2)
    alone.set_many({"a": 1, "b": 2})
    assert alone.get_many(["a", "b"]) == {"a": 1, "b": 2}
    alone.delete("key")
    assert "key" not in alone
    cache.set("key", "only there")
    assert TolerantRedisCache.avoided_until > time.monotonic()
    monkeypatch.setattr(TolerantRedisCache, "avoided_until", 0)
    assert cache.get("key") is None
    cache.set("key", "everywhere")
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert [name for name in client.scan_iter() if name.endswith(b":1:key")]
