"""The web server on the database of the test run, as child processes that can be replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from conversations import replies
from conversations.models import Conversation
from helpdesk.bench.live import Viewer, database_url, session_of
from helpdesk.embedded import free_port, listening
from tests.builders import make_agent, make_inbox, make_team, make_ticket
from tests.faults.crowd import Page
from tests.faults.stand import START_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Agent, Ticket

ROOT = Path(__file__).resolve().parents[2]
PER_AGENT = 20


class Served:
    """A web server of ours; `swap()` replaces it as a deployment does."""

    def __init__(self, **environment: str) -> None:
        self.environment = environment
        self.port = free_port()
        self.process = self._start(self.port)

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        address = f"http://127.0.0.1:{port}"
        process = subprocess.Popen(
            [sys.executable, "manage.py", "web", f"--port={port}"],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": database_url(),
                "DJANGO_SETTINGS_MODULE": "tests.faults.live_settings",
                "REDIS_URL": settings.REDIS_URL,
                "BASE_URL": address,
                "CSRF_TRUSTED_ORIGINS": address,
                "DB_POOL_SIZE": "12",
                **self.environment,
            },
        )
        until = time.monotonic() + START_SECONDS
        while not listening(port):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def served(**environment: str) -> Iterator[Served]:
    web = Served(**environment)
    try:
        yield web
    finally:
        web.stop(web.process)


def furnished(clients: int, conversations: int) -> tuple[list[Page], list[Ticket], list[Agent]]:
    """Open pages of agents (at most twenty each) on these many conversations, all up to date."""
    team = make_team("Support")
    inbox = make_inbox(team)
    agents = [make_agent(f"Agent{n}", team) for n in range(clients // PER_AGENT + 1)]
    viewers = [Viewer(agent, session_of(agent)) for agent in agents]
    tickets = [make_ticket(inbox, f"c{n}@example.org") for n in range(conversations)]
    heads = dict(Conversation.objects.values_list("pk", "head"))
    pages = []
    for number in range(clients):
        viewer, ticket = viewers[number % len(viewers)], tickets[number % len(tickets)]
        pk = ticket.conversation_id
        page = Page(viewer.agent.pk, viewer.session, pk, heads[pk], heads[pk])
        page.began = heads[pk]
        pages.append(page)
    return pages, tickets, agents


def note(ticket: Ticket, by: Agent, text: str) -> None:
    replies.note(ticket, by=by, text=text, client_token=uuid.uuid4())
