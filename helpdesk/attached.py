"""`doctor`, `backup` and `restore` on a private copy: `manage.py backup FILE --data DIR`.

`manage.py` comes here where no DATABASE_URL is given. While `up` or `demo` runs there its servers
are used; else they are started for as long as the command takes. Standard library only.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from helpdesk import keys
from helpdesk.embedded import EmbeddedError, passable
from helpdesk.launcher import DEFAULT_PORTS, ROOT, RUNNING, Copy, start_services
from helpdesk.supervisor import StartError, StopRequested, Supervisor, take_lock, try_lock

COMMANDS: Final = ("doctor", "backup", "restore")
BACKUP_KEYS: Final = "keys.json"


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="manage.py", add_help=False)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--data", metavar="DIR")
    # However they are written, abbreviated as well: with either, restore only reads the backup.
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--keys", metavar="PATH")
    options, rest = parser.parse_known_args(arguments)
    data = Path(options.data or ROOT / ".local" / "up").resolve()
    only_reads = options.check or options.keys is not None
    if options.check:
        rest.append("--check")
    if options.keys is not None:
        rest.append(f"--keys={options.keys}")
    if only_reads or "--help" in rest or "-h" in rest:
        return offline([options.command, *rest])
    try:
        return run(data, [options.command, *rest])
    except (StartError, EmbeddedError, keys.KeysError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def run(data: Path, command: list[str]) -> int:
    """On the copy in `data`, as it is found. A restore brings its keys along."""
    if command[0] == "restore":
        passable(data)
    elif not (data / "keys.json").exists():
        raise StartError(f"There is no copy in {data}. Name its folder with --data.")
    if runs(data):
        if command[0] == "restore":
            raise StartError(f"A copy runs on {data}. Stop it with Ctrl-C first.")
        os.environ.update(json.loads((data / RUNNING).read_text()))
        return manage(command)
    if command[0] == "doctor":
        raise StartError(
            f"The copy in {data} is not running. Start it with: manage.py up --data DIR"
        )
    return with_servers(data, command)


def runs(data: Path) -> bool:
    """Whether somebody holds the copy's lock."""
    try:
        handle = os.open(data / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(handle)
    finally:
        os.close(handle)


def with_servers(data: Path, command: list[str]) -> int:
    """Start the copy's servers, run the command, stop them."""
    (data / "logs").mkdir(mode=0o700, exist_ok=True)
    supervisor = Supervisor(data / "logs", [take_lock(data / "lock")], aside)
    supervisor.obey_signals()
    given = keys_in(command) if command[0] == "restore" else {}
    try:
        # Leaves the settings of the copy in our environment, which the command inherits.
        start_services(Copy(False, data, DEFAULT_PORTS), supervisor)
        os.environ.update(given, DB_POOL_SIZE="0")
        done = manage(command)
        if given and not done:
            adopt(data, given)
        return done
    except StopRequested:
        return 130
    finally:
        supervisor.stop()


def keys_in(command: list[str]) -> dict[str, str]:
    """The keys a backup was made with; none where it can't be read, which the command will say."""
    for word in command[1:]:
        with suppress(OSError, tarfile.TarError, ValueError, KeyError), tarfile.open(word) as tar:
            for info in tar:
                content = tar.extractfile(info)
                if info.name == BACKUP_KEYS and content:
                    return {str(name): str(key) for name, key in json.load(content).items() if key}
    return {}


def adopt(data: Path, given: dict[str, str]) -> None:
    """From now on the copy has the keys of the desk that was put back."""
    known = keys.read(data / "keys.json")
    keys.write(data / "keys.json", known | {name: given[name] for name in known if name in given})


def offline(command: list[str]) -> int:
    """Run a management command that needs no copy. Here, as manage.py would come back to us."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "helpdesk.offline"
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *command])
    return 0


def manage(command: list[str]) -> int:
    """Run a management command on the copy whose settings are in our environment."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "helpdesk.settings"
    return subprocess.run([sys.executable, str(ROOT / "manage.py"), *command]).returncode


def aside(text: str) -> None:
    """What the supervisor tells is not the command's own output."""
    print(text, file=sys.stderr, flush=True)
