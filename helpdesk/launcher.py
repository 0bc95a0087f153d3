"""`manage.py demo` and `manage.py up`: the whole product with one command.

The product is imported once, here, while the database starts; its processes are forks of this one
and share that memory. Nothing but the standard library is imported before that.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from helpdesk import keys
from helpdesk.demo.cast import CAST, LEADS, LIVELY_SWITCH, MAIL_DOMAIN, PASSWORD
from helpdesk.embedded import (
    LOOPBACK,
    EmbeddedError,
    Place,
    Postgres,
    Valkey,
    free_port,
    listening,
    passable,
    server_port,
)
from helpdesk.sandbox.lines import LINES
from helpdesk.supervisor import Service, StartError, StopRequested, Supervisor, take_lock, try_lock

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORTS = {"web": 8000, "smtp": 2525, "imap": 1143}
# The demo's stand-ins of providers: their page's, then one for each account.
SANDBOX_PORTS = {
    f"sandbox-{name}": 2580 + number
    for number, name in enumerate(("page", *(line.slug for line in LINES)))
}
# What several processes import late.
SHARED = (
    "asyncio", "celery.apps.worker", "channels_redis.pubsub", "kombu.transport.redis",
    "psycopg_pool",
)  # fmt: skip
LOG_LIMIT = 5_000_000
# A first start on a slow machine; more than an upgrade may wait for its locks.
PREPARE_SECONDS = 600
# Where a running copy keeps what its commands need to reach it.
RUNNING = "running.json"


@dataclass(frozen=True)
class Copy:
    """One private copy of the product: what it is, where it keeps its data, where it listens."""

    demo: bool
    data: Path
    ports: dict[str, int]

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{LOOPBACK}:{self.ports['web']}"

    @property
    def sandbox(self) -> list[str]:
        """The ports of the stand-ins, in their order; none but in the demo."""
        return [str(self.ports[name]) for name in SANDBOX_PORTS if name in self.ports]


def main(arguments: Sequence[str]) -> int:
    """Run `demo` or `up` until Ctrl-C; return the exit status."""
    options = parse(arguments)
    began = time.monotonic()
    data = Path(options.data or ROOT / ".local" / options.command).resolve()
    try:
        passable(data)
        (data / "logs").mkdir(mode=0o700, exist_ok=True)
        lock = take_lock(data / "lock")
        copy = Copy(options.command == "demo", data, choose_ports(options))
        set_lively(copy, lively=options.lively)
        supervisor = Supervisor(data / "logs", [lock], say)
        supervisor.obey_signals()
        say(greeting(copy))
        return launch(copy, supervisor, began)
    except (StartError, EmbeddedError, keys.KeysError, OSError) as error:
        print(f"Helpdesk could not start: {error}", file=sys.stderr)
        return 1


def greeting(copy: Copy) -> str:
    """The first line, as nothing else is said until all runs."""
    if (copy.data / RUNNING).exists():
        return "Starting …"
    return "Starting; the first time a database is made, which may take a minute …"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="manage.py",
        description="Run the whole helpdesk on this machine, with a database of its own.",
    )
    parser.add_argument("command", choices=("demo", "up"))
    parser.add_argument("--port", type=int, help="port of the web pages (8000, or the next free)")
    parser.add_argument("--data", metavar="DIR", help="folder for everything it keeps")
    parser.add_argument("--lively", action="store_true", help="demo: agents act by script")
    return parser.parse_args(arguments)


def set_lively(copy: Copy, *, lively: bool) -> None:
    """The floor of a demo lives from its start on or when somebody switches it on, never because
    it did at the last start."""
    switch = copy.data / LIVELY_SWITCH
    if copy.demo and lively:
        switch.touch()
    else:
        switch.unlink(missing_ok=True)


def choose_ports(options: argparse.Namespace) -> dict[str, int]:
    """Take the ports asked for, or the usual ones, or free ones where those are taken."""
    if options.port and listening(options.port):
        raise StartError(f"port {options.port} is taken; choose another with --port.")
    usual = DEFAULT_PORTS | (SANDBOX_PORTS if options.command == "demo" else {})
    ports = {name: unless_taken(port) for name, port in usual.items()}
    return ports | ({"web": options.port} if options.port else {})


def unless_taken(port: int) -> int:
    """The port itself, one of the next twenty, or any free one."""
    near = (near for near in range(port, port + 20) if not listening(near) and claim(near))
    return next(near, free_port())


def claim(port: int) -> bool:
    """Keep copies that start at the same moment from choosing the same port, as long as we live.

    Another person's mark may be closed to us; then nothing but the port itself can tell.
    """
    mark = Path(tempfile.gettempdir()) / f"helpdesk-port-{port}"
    try:
        descriptor = os.open(mark, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError:
        return True
    if not (claimed := try_lock(descriptor)):
        os.close(descriptor)
    return claimed


def launch(copy: Copy, supervisor: Supervisor, began: float) -> int:
    """Start everything in order, tell the person, and stay until asked to stop."""
    trim_logs(supervisor.logs)
    try:
        start_services(copy, supervisor)
        # What is loaded for the first time is connected to them.
        supervisor.start(stand_ins(copy), seconds=60)
        supervisor.run(django("prepare"), seconds=PREPARE_SECONDS)
        supervisor.start(processes(copy), seconds=60)
        announce(copy, time.monotonic() - began)
        supervisor.watch()
    except StopRequested:
        pass
    finally:
        say("Stopping …")
        supervisor.stop()
    say("Stopped; nothing is left running.")
    return 0


def start_services(copy: Copy, supervisor: Supervisor) -> None:
    """Start PostgreSQL and Valkey where `up` is not given others, and import the product.

    Leaves the settings of this copy in the environment.
    """
    secrets = keys.load(copy.data)
    place = Place.beside(copy.data)
    if place.moved:
        say(f"The database lives in {place.folder}, where the account it runs as can reach it.")
    postgres = Postgres(place, secrets.pop("POSTGRES_PASSWORD"), server_port())
    valkey = Valkey(place, secrets.pop("VALKEY_PASSWORD"), server_port())
    made = secrets | {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url} | addresses(copy)
    given = set() if copy.demo else {name for name in made if os.environ.get(name)}
    os.environ.update({name: value for name, value in made.items() if name not in given})
    os.environ.update(LOCAL="1", DEMO=str(int(copy.demo)))
    note(copy.data / RUNNING, [*made, "LOCAL", "DEMO"])
    ours: dict[str, Postgres | Valkey] = {"DATABASE_URL": postgres, "REDIS_URL": valkey}
    with ThreadPoolExecutor(1) as beside:
        # A new cluster takes as long to make as the product to import.
        preparing = [beside.submit(one.prepare) for name, one in ours.items() if name not in given]
        import_product()
        services = [one.result() for one in preparing]
    supervisor.start(services, seconds=60)


def note(path: Path, names: Sequence[str]) -> None:
    """Write down where this copy is reached, for ourselves alone."""
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text(json.dumps({name: os.environ[name] for name in names}))


def import_product() -> None:
    """Import what several processes need, and keep the collector from touching it in each."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
    import django

    from helpdesk.celery import app

    django.setup()
    app.loader.import_default_modules()
    for module in SHARED:
        import_module(module)
    gc.collect()
    gc.freeze()


def addresses(copy: Copy) -> dict[str, str]:
    """Settings that follow from where the copy listens and keeps its files."""
    web, smtp, imap = copy.ports["web"], copy.ports["smtp"], copy.ports["imap"]
    return {
        "ALLOWED_HOSTS": f"{LOOPBACK},localhost",
        "CSRF_TRUSTED_ORIGINS": f"{copy.address},http://localhost:{web}",
        "BASE_URL": copy.address,
        "DATA_DIR": str(copy.data),
        "EMAIL_HOST": LOOPBACK,
        "EMAIL_PORT": str(smtp),
        "DEMO_SMTP_PORT": str(smtp),
        "DEMO_IMAP_PORT": str(imap),
        "DEMO_SANDBOX_PORTS": ",".join(copy.sandbox),
    }


def stand_ins(copy: Copy) -> list[Service]:
    """The servers that play providers in the demo."""
    if not copy.demo:
        return []
    folder = f"--data={copy.data / 'sandbox'}"
    answers = [int(port) for port in copy.sandbox]
    return [django("sandbox", "--ports", *copy.sandbox, folder, answers=answers)]


def processes(copy: Copy) -> list[Service]:
    """The product's own processes; what people reach must answer before we say that all runs."""
    web, smtp, imap = copy.ports["web"], copy.ports["smtp"], copy.ports["imap"]
    services = [
        django("web", f"--port={web}", answers=[web]),
        django("worker", "--queue=fast", name="worker-fast"),
        django("worker", "--queue=slow", name="worker-slow"),
        django("beat"),
    ]
    if copy.demo:
        ports = [f"--smtp-port={smtp}", f"--imap-port={imap}"]
        folder = f"--data={copy.data / 'mail'}"
        services.append(django("mailpair", *ports, folder, answers=[smtp, imap]))
    return services


def django(command: str, *arguments: str, name: str = "", answers: Sequence[int] = ()) -> Service:
    """A management command as a service, ready when all ports in `answers` accept connections."""

    words = ["manage.py", command, *arguments]

    def task() -> None:
        from django.core.management import execute_from_command_line
        from setproctitle import setproctitle

        sys.argv = words
        setproctitle(" ".join(words))
        execute_from_command_line(words)

    return Service(
        name=name or command,
        command=[sys.executable, *words],
        task=task,
        ready=lambda: all(map(listening, answers)),
        options={"cwd": ROOT},
    )


def announce(copy: Copy, seconds: float) -> None:
    """Say where to go, who to be and how to stop."""
    say(f"Helpdesk runs (after {seconds:.1f} s).")
    say(f"  Open     {copy.address}/")
    if copy.demo:
        people = ", ".join(part.email for part in CAST if part.slug in LEADS)
        say(f"  Sign in  one click there, or as {people}; password {PASSWORD}")
        smtp, imap = (f"{LOOPBACK}:{copy.ports[name]}" for name in ("smtp", "imap"))
        say(f"  Shop     {copy.address}/demo/shop/ has the chat on it")
        say(f"  Mailbox  {copy.address}/demo/mailbox/ is a customer's")
        say(f"  Phone    {copy.address}/demo/phone/ too, with SMS and messengers on it")
        say(f"  Mail     SMTP {smtp}, IMAP {imap}; any address @{MAIL_DOMAIN}, same password")
    else:
        say("  The first page you see creates the admin.")
    say(f"  Data     {copy.data}")
    say("  Stop     Ctrl-C")


def trim_logs(folder: Path) -> None:
    """Start logs anew that have grown large."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > LOG_LIMIT:
            log.write_text("")


def say(text: str) -> None:
    """Tell the person; a closed terminal is no reason to stop."""
    try:
        print(text, flush=True)
    except OSError:
        return
