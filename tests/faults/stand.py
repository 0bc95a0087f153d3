"""One private copy of the product, run as an installation of several processes would be: each a
command of its own that can be killed, frozen and started again."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import redis

from helpdesk import keys
from helpdesk.embedded import LOOPBACK, Place, Postgres, Valkey, free_port, listening
from tests.faults import plan
from tests.faults.processes import Running, Spec, sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helpdesk.supervisor import Service

ROOT = Path(__file__).resolve().parents[2]
SECOND_SLOW = "worker-slow-2"
START_SECONDS = 150.0


class StandError(Exception):
    """A process did not start; the text quotes what it said."""


@dataclass
class Stand:
    """The product's processes by name, and the servers beside them that the harness owns. `root` is
    the checkout they run from."""

    folder: Path
    root: Path = ROOT
    running: dict[str, Running] = field(default_factory=dict)
    leaders: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.data = self.services_folder = self.folder / "data"
        self.logs = self.folder / "logs"

    def open(self) -> None:
        """Start everything on an empty desk with inboxes and an agent."""
        for made in (self.data, self.logs):
            made.mkdir(mode=0o711)
        self.ports = {name: free_port() for name in ("web", "smtp", "imap", "sink")}
        self._start_services()
        self.run("prepare", "manage.py", "prepare")
        inboxes = self._furnish()
        self.place = plan.Place(
            str(self.folder), self.postgres.url, self.valkey.url, inboxes=inboxes, **self.ports
        )
        for spec in self._product():
            self._spawn(spec)
        self.await_ready()

    def close(self) -> None:
        """Stop everything, wherever it stands: the product first, its servers last."""
        servers = ("postgres", "valkey")
        for one in (set(self.running) - set(servers), servers):
            stage = [self.running[name] for name in one if name in self.running]
            for process in stage:
                process.ask()
            for process in stage:
                process.finish()

    def clear(self) -> None:
        """Remove what the servers kept, which may be outside the folder."""
        shutil.rmtree(self.services_folder, ignore_errors=True)

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End one process at once. PostgreSQL takes SIGQUIT as its immediate stop; after SIGKILL of
        its first process the others of it follow."""
        self.running[name].kill(how)

    def start(self, name: str) -> None:
        """Start it again, on the same data and port; a server until it answers."""
        for _ in range(100):
            process = self._spawn(self.running[name].spec)
            if name not in ("postgres", "valkey") or self._came_up(process):
                return
            time.sleep(0.2)
        raise StandError(f"{name} does not start again.\n{process.tail()}")

    def freeze(self, name: str) -> None:
        self.running[name].process.send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.running[name].process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        """Make Valkey forget everything; one that is down has nothing to forget."""
        try:
            with redis.Redis.from_url(self.valkey.url, socket_timeout=2) as server:
                server.flushall()
        except redis.RedisError:
            return

    def await_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until pages are served and the database answers."""
        ends = time.monotonic() + seconds
        while not (listening(self.ports["web"]) and self._database_answers()):
            if time.monotonic() > ends or not self.running["web"].alive:
                raise StandError(f"The pages don't answer.\n{self.running['web'].tail()}")
            time.sleep(0.1)

    def orphans(self) -> list[int]:
        """Processes that still run in a session one of ours founded."""
        return sessions(self.leaders)

    def _start_services(self) -> None:
        secrets = keys.load(self.data)
        place = Place.beside(self.data)
        self.services_folder = place.folder
        self.secrets = {name: secrets[name] for name in secrets if "PASSWORD" not in name}
        self.postgres = Postgres(place, secrets["POSTGRES_PASSWORD"], free_port(), connections=100)
        self.valkey = Valkey(place, secrets["VALKEY_PASSWORD"], free_port())
        for service in (self.postgres.prepare(), self.valkey.prepare()):
            if not self._came_up(self._spawn(_spec(service))):
                raise StandError(self.running[service.name].tail())

    @property
    def environment(self) -> dict[str, str]:
        """What an installation sets, and nothing of ours."""
        address = f"http://{LOOPBACK}:{self.ports['web']}"
        return {
            **{"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": f"{self.root}:{ROOT}"},
            **self.secrets,
            "ALLOWED_HOSTS": LOOPBACK,
            "BASE_URL": address,
            "DATA_DIR": str(self.data),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "LOCAL": "1",
            "CHAT_LIMITS_TIMES": "1000",  # all visitors are at one address
        }

    def _product(self) -> list[Spec]:
        imap, smtp = f"--imap-port={self.ports['imap']}", f"--smtp-port={self.ports['smtp']}"
        return [
            self._command("web", "web", f"--port={self.ports['web']}"),
            self._command("worker-fast", "worker", "--queue=fast"),
            self._command("worker-slow", "worker", "--queue=slow"),
            self._command(SECOND_SLOW, "worker", "--queue=slow"),
            self._command("beat", "beat"),
            self._command("mailpair", "mailpair", smtp, imap, f"--data={self.folder / 'mail'}"),
        ]

    def _command(self, name: str, *words: str) -> Spec:
        command = [sys.executable, str(self.root / "manage.py"), *words]
        return Spec(name, command, {"cwd": self.root, "env": self.environment})

    def _furnish(self) -> dict[str, str]:
        answer = self.run("furnish", "-m", "tests.faults.furnish", json.dumps(self.ports))
        inboxes: dict[str, str] = json.loads(answer.splitlines()[-1])
        return inboxes

    def run(self, name: str, *words: str) -> str:
        """A program to its end, with the product's environment; what it printed."""
        done = subprocess.run(
            [sys.executable, *words], cwd=self.root, env=self.environment | {"DB_POOL_SIZE": "0"},
            capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        if done.returncode:
            raise StandError(f"{name} failed.\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def _spawn(self, spec: Spec) -> Running:
        process = Running(spec, self.logs / f"{spec.name}.log")
        self.running[spec.name] = process
        self.leaders.append(process.pid)
        return process

    def _came_up(self, process: Running) -> bool:
        """Whether a server answers; its own word may be left over from before it was killed."""
        answers: Callable[[], bool] = self._database_answers
        if process.spec.name == "valkey":
            answers = self._valkey_answers
        ends = time.monotonic() + START_SECONDS
        while process.alive and time.monotonic() < ends:
            if answers():
                return True
            time.sleep(0.05)
        return False

    def _valkey_answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.valkey.url, socket_timeout=1) as server:
                return bool(server.ping())
        except redis.RedisError:
            return False

    def _database_answers(self) -> bool:
        try:
            psycopg.connect(self.postgres.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True


@contextmanager
def standing(root: Path = ROOT) -> Iterator[Stand]:
    """A stand in a folder of its own; nothing of it is left afterwards."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="helpdesk-faults-"))
        folder.chmod(0o711)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stand = Stand(folder, root)
        stack.callback(stand.clear)
        stack.callback(stand.close)
        stand.open()
        yield stand


def _spec(service: Service) -> Spec:
    """A server as the product starts it."""
    return Spec(service.name, service.command, service.options, service.polite, service.orphaned)
