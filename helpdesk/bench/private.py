"""`seed` and `bench` on the private servers of a copy, while `up` or `demo` doesn't run there.

`python -m helpdesk.bench.private seed --data DIR …`; `manage.py` comes here where no DATABASE_URL
is given.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from helpdesk import keys
from helpdesk.embedded import EmbeddedError, passable
from helpdesk.launcher import DEFAULT_PORTS, ROOT, Copy, start_services
from helpdesk.supervisor import StartError, StopRequested, Supervisor, take_lock

COMMANDS: Final = ("seed", "bench")


def main(arguments: Sequence[str]) -> int:
    """Start the servers of the folder, run the command on them, stop them."""
    parser = argparse.ArgumentParser(prog="manage.py", add_help=False)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--data", metavar="DIR")
    options, rest = parser.parse_known_args(arguments)
    data = Path(options.data or ROOT / ".local" / "up").resolve()
    try:
        passable(data)
        (data / "logs").mkdir(mode=0o700, exist_ok=True)
        supervisor = Supervisor(data / "logs", [take_lock(data / "lock")], _aside)
        supervisor.obey_signals()
        return _run(Copy(False, data, DEFAULT_PORTS), supervisor, [options.command, *rest])
    except (StartError, EmbeddedError, keys.KeysError, OSError) as error:
        print(f"Helpdesk could not start: {error}", file=sys.stderr)
        return 1


def _run(copy: Copy, supervisor: Supervisor, command: list[str]) -> int:
    try:
        # It leaves the settings of the copy in our environment, which the commands inherit.
        start_services(copy, supervisor)
        os.environ["DB_POOL_SIZE"] = "0"
        for one in (["migrate", "-v0"], command):
            done = _manage(one, supervisor)
            if done:
                return done
        return 0
    except StopRequested:
        return 130
    finally:
        supervisor.stop()


def _manage(command: list[str], supervisor: Supervisor) -> int:
    """Run to the end, or until somebody asks us to stop."""
    process = subprocess.Popen([sys.executable, "manage.py", *command], cwd=ROOT)
    while True:
        try:
            return process.wait(0.2)
        except subprocess.TimeoutExpired:
            if supervisor.stopping.is_set():
                process.terminate()


def _aside(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
