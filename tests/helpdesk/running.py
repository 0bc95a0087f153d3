"""A real copy of the product as a child process, for tests of the launcher."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from helpdesk.embedded import server_port
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
OURS = {
    "DATABASE_URL", "REDIS_URL", "REDIS_PREFIX", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATA_DIR",
    "REPLY_TOKEN_KEYS", "ALLOWED_HOSTS", "BASE_URL", "DB_POOL_SIZE", "DJANGO_SETTINGS_MODULE",
}  # fmt: skip


class Running:
    """`manage.py demo` or `up` in a folder and on a port of its own."""

    def __init__(
        self, data: Path, *arguments: str, through: Sequence[str] = (sys.executable,)
    ) -> None:
        """Start it; `through` is what runs manage.py."""
        # It is used only once a database was made.
        self.data, self.port = data, server_port()
        self.output = data.with_name(f"{data.name}-{self.port}.out")
        self.began = time.monotonic()
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*through, str(ROOT / "manage.py"), *arguments]
                + [f"--data={data}", f"--port={self.port}"],
                env={name: value for name, value in os.environ.items() if name not in OURS},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page; status 0 while nobody listens."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_ready(self, seconds: float = 120) -> float:
        """Wait until everything is well; return the seconds to the first answer."""
        self.until(lambda: self.get("/healthz")[0] == 200, seconds)
        first = time.monotonic() - self.began
        self.until(lambda: self.get("/readyz?strict=1")[0] == 200, seconds)
        self.until(lambda: "Ctrl-C" in self.printed, seconds)
        return first

    def until(self, good: Callable[[], bool], seconds: float) -> None:
        """Wait for something, failing with what was printed."""
        deadline = time.monotonic() + seconds
        while not good():
            assert self.process.poll() is None, self.printed
            if time.monotonic() > deadline:
                self.process.terminate()
                raise AssertionError(self.printed)
            time.sleep(0.05)

    @property
    def printed(self) -> str:
        """What it printed so far."""
        return self.output.read_text()

    def end(self, signum: signal.Signals) -> int:
        """Signal it; return its exit code once nothing of it is left."""
        self.process.send_signal(signum)
        status = self.process.wait(60)
        deadline = time.monotonic() + PATIENCE
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == {}
        return status

    def processes(self) -> dict[int, str]:
        """Command lines of everything that holds the copy's lock, by process number; Linux."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                held = {os.readlink(link) for link in (entry / "fd").iterdir()}
                if str(self.data / "lock") in held:
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(entry.name)] = command.decode(errors="replace").strip()
            except OSError:
                continue
        return found

    def state(self) -> dict[str, object]:
        """What the readiness check says."""
        found: dict[str, object] = json.loads(self.get("/readyz")[1])
        return found


def token_in(page: str) -> str:
    """The CSRF token of a form."""
    match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert match
    return match[1]
