"""One private PostgreSQL and Valkey for a test run, shared by all its xdist workers.

`DATABASE_URL` and `REDIS_URL` win where they are given. Data lives in a temporary folder that
goes away with the run; a run that was killed leaves a folder that the next one removes.
"""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from helpdesk.embedded import Place, Postgres, Valkey, free_port, server_port
from helpdesk.supervisor import Child, Service

PREFIX = "helpdesk-tests-"


def ensure() -> None:
    """Set every variable the settings need, starting the servers that are not given.

    xdist workers inherit the environment of the process that started them, so only the first
    process of a run starts anything.
    """
    folder = Path(os.environ.get("TEST_DATA_DIR") or make_folder())
    os.environ["TEST_DATA_DIR"] = str(folder)
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = start_postgres(folder)
    if not os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = start_valkey(folder)
    for name, value in defaults(folder).items():
        os.environ.setdefault(name, value)
    divide(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))


def defaults(folder: Path) -> dict[str, str]:
    """Values of the variables a test run doesn't care about."""
    return {
        "SECRET_KEY": "tests-only-" + "0" * 40,
        "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
        "REPLY_TOKEN_KEYS": "tests-only-reply-token-key-000000",
        "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
        "BASE_URL": "http://testserver",
        "DATA_DIR": str(folder / "data"),
        "DB_POOL_SIZE": "0",
    }


def divide(worker: str) -> None:
    """Give an xdist worker a Redis database, a key prefix and a folder of its own."""
    server, _, _ = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{server}/{int(worker.removeprefix('gw')) % 16}"
    os.environ["REDIS_PREFIX"] = f"tests-{worker}"
    os.environ["DATA_DIR"] = str(Path(os.environ["TEST_DATA_DIR"]) / f"data-{worker}")


def make_folder() -> Path:
    """Create this run's folder and remove those whose run is gone."""
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = old.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o711)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def start_postgres(folder: Path) -> str:
    """Start PostgreSQL without durability; return its URL. A test is one long transaction, and may
    think for longer in it than any request."""
    server = Postgres(
        Place.beside(folder),
        secrets.token_urlsafe(16),
        server_port(),
        durable=False,
        connections=200,
    )
    run(server.prepare(), folder)
    return f"{server.url}?options=-cidle_in_transaction_session_timeout%3D0"


def start_valkey(folder: Path) -> str:
    """Start Valkey without persistence; return its URL."""
    server = Valkey(Place.beside(folder), secrets.token_urlsafe(16), free_port(), durable=False)
    run(server.prepare(), folder)
    return server.url


def run(service: Service, folder: Path) -> None:
    """Keep the service running until this process ends."""
    child = Child(service, folder / f"{service.name}.log")
    atexit.register(child.stop)
    child.wait_ready(60)
