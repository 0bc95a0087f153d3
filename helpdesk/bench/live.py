"""How long it takes from a commit in one process to the answer that shows it in another, over TCP.

Three processes besides the database and Redis: this one writes, a web server of ours (or a bare
one) serves, and a third holds the open pages.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection, transaction

from conversations import desk, passes, replies
from conversations.models import Agent, Conversation, Status, Ticket
from helpdesk.bench.bare import CHANNEL
from helpdesk.bench.clocks import percentiles, processor_ms
from helpdesk.bench.ingest import NotSeeded
from helpdesk.embedded import free_port, listening
from helpdesk.seeding.people import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
SIZES: Final = (100, 500)
LISTS: Final = 50
RATE: Final = 20.0
WARM_UP: Final = 20


class Unshown(Exception):
    """Something that was committed was never shown, so the times would mean nothing."""


@dataclass(frozen=True)
class Viewer:
    """An agent's session, by its cookie."""

    agent: Agent
    session: str

    @property
    def cookie(self) -> str:
        return f"{settings.SESSION_COOKIE_NAME}={self.session}"

    def opens(self) -> str:
        return f"/ws/desk/?ticket={passes.issue(self.agent.pk, self.session)}"


def measure(count: int, seed: int, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Percentiles in milliseconds for each size, of the floor and of the desk: from the commit to
    the bell, and to the answer that shows it."""
    rng = random.Random(seed)
    viewers, tickets = signed_in(), some_tickets(rng, max(sizes))
    figures: dict[str, Any] = {}
    with bare() as port, redis.Redis.from_url(settings.REDIS_URL) as server:
        for size in sizes:
            pages = [bare_page(number) for number in range(size)]
            write = publishing(server, size)
            figures[f"floor_{size}"] = run(port, pages, write, count)
    with web() as (port, pid):
        for size in sizes:
            pages = pages_of(viewers, tickets[:size]) + lists_of(viewers)
            write = noting(viewers[0], tickets[:size])
            figures[f"desk_{size}"] = run(port, pages, write, count, pid=pid)
    return figures


def run(
    port: int,
    pages: list[dict[str, Any]],
    write: Callable[[int], tuple[str, int]],
    count: int,
    *,
    pid: int = 0,
) -> dict[str, Any]:
    """Percentiles with these pages open; `pid` is a server whose processor time is told."""
    with onlookers(port, pages) as watching:
        for number in range(WARM_UP):
            _paced(number, write)
        time.sleep(1)
        began, spent = time.monotonic(), processor_ms(pid) or 0.0
        committed = dict(_paced(number, write, began) for number in range(count))
        seen = _seen(watching, set(committed))
        spent = (processor_ms(pid) or 0.0) - spent
    return {
        "bell": percentiles(_between(committed, seen["heard"])),
        "shown": percentiles(_between(committed, seen["shown"])),
        "lists_asked": seen["lists_asked"],
        "cpu_ms": round(spent / count, 2),
    }


def _paced(
    number: int, write: Callable[[int], tuple[str, int]], began: float = 0.0
) -> tuple[str, int]:
    time.sleep(max(0.0, began + number / RATE - time.monotonic()) if began else 1 / RATE)
    return write(number)


def _between(from_: dict[str, int], to: dict[str, int]) -> list[float]:
    return [(to[name] - at) / 1e6 for name, at in from_.items()]


def _seen(watching: subprocess.Popen[str], wanted: set[str]) -> dict[str, Any]:
    told, _errors = watching.communicate(json.dumps(sorted(wanted)) + "\n")
    seen: dict[str, Any] = json.loads(told.strip().splitlines()[-1])
    unheard, unshown = wanted - set(seen["heard"]), wanted - set(seen["shown"])
    if unshown or seen["broken"]:
        raise Unshown(
            f"of {len(wanted)} changes {len(unheard)} weren't heard of, {len(unshown)} not shown"
            f" ({sorted(unshown)[:5]}); pages that broke: {seen['broken'][:3]}"
        )
    return seen


def noting(viewer: Viewer, tickets: list[Ticket]) -> Callable[[int], tuple[str, int]]:
    """A note in the next ticket: its conversation and head, and when it was committed."""
    at = [0]

    def write(number: int) -> tuple[str, int]:
        ticket = tickets[at[0] % len(tickets)]
        at[0] += 1
        times: list[int] = []
        with transaction.atomic():
            transaction.on_commit(lambda: times.append(time.monotonic_ns()))
            replies.note(
                ticket, by=viewer.agent, text="Written by a benchmark.", client_token=uuid.uuid4()
            )
        head = Conversation.objects.values_list("head", flat=True).get(pk=ticket.conversation_id)
        return f"{ticket.conversation_id}.{head}", times[0]

    return write


def publishing(server: redis.Redis, size: int) -> Callable[[int], tuple[str, int]]:
    """What `noting` does, on a bare server."""
    at = [0]

    def write(number: int) -> tuple[str, int]:
        at[0] += 1
        place, head = at[0] % size, at[0]
        now = time.monotonic_ns()
        server.publish(CHANNEL, json.dumps([place, head]))
        return f"{place}.{head}", now

    return write


def bare_page(number: int) -> dict[str, Any]:
    """What `pages_of` opens, on a bare server."""
    fetch = f"/?c={number}&rev="
    return {"socket": f"/?c={number}", "cookie": "a=b", "say": [], "lists": False, "head": 0,
            "fetch": fetch}  # fmt: skip


def pages_of(viewers: list[Viewer], tickets: list[Ticket]) -> list[dict[str, Any]]:
    """One open conversation for each ticket."""
    ids = [ticket.conversation_id for ticket in tickets]
    heads = dict(Conversation.objects.filter(pk__in=ids).values_list("pk", "head"))
    told = []
    for number, pk in enumerate(ids):
        viewer = viewers[number % len(viewers)]
        told.append(
            {
                "socket": viewer.opens(),
                "cookie": viewer.cookie,
                "say": [{"do": "watch", "conversation": pk, "head": heads[pk]}],
                "lists": False,
                "head": heads[pk],
                "fetch": f"/conversations/{pk}/since/?rev=",
            }
        )
    return told


def lists_of(viewers: list[Viewer]) -> list[dict[str, Any]]:
    """Open list pages: their own tickets, the unassigned, their teams', all."""
    told = []
    for number in range(LISTS):
        viewer = viewers[number % len(viewers)]
        folder = ("mine", "unassigned", "teams", "all")[number % 4]
        owner = {"mine": viewer.agent.pk, "unassigned": None}.get(folder, "any")
        shown = desk.listing(viewer.agent, folder=folder)
        told.append(
            {
                "socket": viewer.opens(),
                "cookie": viewer.cookie,
                "say": [{"do": "lists"}],
                "lists": True,
                "owner": owner,
                "ours": folder in ("unassigned", "teams"),
                "shown": [ticket.pk for ticket in shown.tickets],
                "last": shown.tickets[-1].place.isoformat() if shown.next else "",
                "fetch": f"/desk/{folder}/open/rows/?ids=",
            }
        )
    return told


def signed_in() -> list[Viewer]:
    agents = list(Agent.objects.filter(email__endswith=f"@{DOMAIN}").order_by("pk"))
    if not agents:
        raise NotSeeded
    return [Viewer(agent, session_of(agent)) for agent in agents]


def session_of(agent: Agent) -> str:
    """Signed in without a password: seeded agents have none."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(agent.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = agent.get_session_auth_hash()
    session.set_expiry(3600)
    session.save()
    key: str = session.session_key
    return key


def some_tickets(rng: random.Random, count: int) -> list[Ticket]:
    """Ones that everybody may read, each of another conversation; open ones as far as there are."""
    rows = Ticket.objects.filter(restriction="").select_related("team").order_by("-pk")
    some: dict[int, Ticket] = {}
    for found in (rows.filter(status=Status.OPEN), rows.exclude(status=Status.OPEN)):
        for ticket in found[: count * 2]:
            some.setdefault(ticket.conversation_id, ticket)
    if len(some) < count:
        raise NotSeeded
    chosen = list(some.values())[:count]
    rng.shuffle(chosen)
    return chosen


@contextmanager
def web() -> Iterator[tuple[int, int]]:
    """A web server of ours: its port and process number."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "ALLOWED_HOSTS": "127.0.0.1",
        "BASE_URL": address,
        "CSRF_TRUSTED_ORIGINS": address,
        "DB_POOL_SIZE": "12",
    }
    with _child(["manage.py", "web", f"--port={port}"], environment, port) as pid:
        yield port, pid


def database_url() -> str:
    """Of the database we are connected to."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


@contextmanager
def bare() -> Iterator[int]:
    port = free_port()
    environment = {**os.environ, "REDIS_URL": settings.REDIS_URL}
    with _child(["-m", "helpdesk.bench.bare", str(port)], environment, port):
        yield port


@contextmanager
def _child(command: list[str], environment: dict[str, str], port: int) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 30
        while not listening(port):
            if process.poll() is not None or time.monotonic() > until:
                raise Unshown(f"{command} did not start")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextmanager
def onlookers(port: int, pages: list[dict[str, Any]]) -> Iterator[subprocess.Popen[str]]:
    """Open pages, in a process of their own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "helpdesk.bench.onlookers"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({"port": port, "pages": pages}) + "\n")
        process.stdin.flush()
        if process.stdout.readline().strip() != "ready":
            raise Unshown("the pages could not be opened")
        yield process
    finally:
        process.kill()
        process.wait()
