"""Open pages stay true whatever happens to doorbells, lines and servers: F9 to F12, F24.

The gate runs each with few pages; `-m full` with two hundred.
"""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.request
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from conversations import ownership
from conversations.models import Conversation
from helpdesk.embedded import Place, Valkey, free_port
from helpdesk.supervisor import Child
from tests.faults.crowd import Crowd, fresh
from tests.faults.desk import stalls
from tests.faults.live import furnished, note, served
from tests.faults.live_settings import LAYERS
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conversations.models import Agent, Ticket
    from tests.faults.crowd import Page

pytestmark = pytest.mark.django_db(transaction=True)
SMALL, WHOLE = 24, 200
sizes = pytest.mark.parametrize("clients", [SMALL, pytest.param(WHOLE, marks=pytest.mark.full)])
# From the last event to all pages being true, at the latest by a heartbeat, of which there is one in
# 25 s.
WITHIN = 30.0
# Changes a second; each is looked at by four pages.
RATE = 20.0


def is_true(pages: Sequence[Page]) -> bool:
    heads = dict(Conversation.objects.values_list("pk", "head"))
    return all(page.head == heads[page.conversation] for page in pages)


def come_true(crowd: Crowd, pages: Sequence[Page]) -> None:
    with stalls() as stalled:
        took = crowd.until(lambda: is_true(pages), 2 * WITHIN)
    assert took < WITHIN + stalled.seconds


def assert_fresh(port: int, pages: Sequence[Page]) -> None:
    """Each page shows what a new one shows, and drew no row of an entry twice for nothing."""
    for page in pages:
        now = fresh(port, page)
        assert set(page.rows) == set(now)
        entries = {key: html for key, html in now.items() if key.startswith("entry:")}
        assert {key: page.rows[key] for key in entries} == entries


def write(tickets: Sequence[Ticket], agents: Sequence[Agent], count: int, rate: float) -> None:
    rng = random.Random(count)
    for number in range(count):
        note(rng.choice(tickets), rng.choice(agents), f"Note {number}")
        time.sleep(1 / rate)


@sizes
def test_pages_come_true_though_doorbells_are_lost(clients: int) -> None:
    """F9. And who is sent away hears nothing more after five seconds."""
    pages, tickets, agents = furnished(clients, clients // 4)
    with (
        override_settings(CHANNEL_LAYERS={"default": LAYERS["lossy"]}),
        served(FAULT_LAYER="lossy") as web,
        Crowd(web.port, pages) as crowd,
    ):
        write(tickets, agents, clients * 2, rate=RATE)
        gone = list(agents[1:3])
        for agent in gone:
            ownership.disable(agent, by=agents[0])
        sent_away = time.monotonic()
        leavers = [page for page in pages if page.agent in {agent.pk for agent in gone}]
        stayers = [page for page in pages if page not in leavers]
        with stalls() as stalled:
            write(tickets, agents[:1], clients, rate=RATE)
            come_true(crowd, stayers)
            # Their bell rings three times, the last time after two seconds.
            crowd.until(lambda: all(page.ends for page in leavers), WITHIN)
        assert_fresh(web.port, stayers[:40])
        for page in leavers:
            assert page.ends[-1:] == [4401]
            assert page.heard_at < sent_away + 5 + stalled.seconds


@pytest.mark.full
def test_sockets_older_than_their_groups_still_hear() -> None:
    """F10, on a layer whose groups expire after 20 s."""
    pages, tickets, agents = furnished(WHOLE, 20)
    with (
        override_settings(CHANNEL_LAYERS={"default": LAYERS["expiring"]}),
        served(FAULT_LAYER="expiring") as web,
        Crowd(web.port, pages) as crowd,
    ):
        time.sleep(45)
        write(tickets, agents, 40, rate=20)
        come_true(crowd, pages)


@sizes
def test_pages_that_reconnect_all_the_time_come_true(clients: int) -> None:
    """F11: everybody reconnects again and again while much is written; one was away for long."""
    pages, tickets, agents = furnished(clients, clients // 4)
    far = pages[0]
    for number in range(210):
        note(
            next(t for t in tickets if t.conversation_id == far.conversation),
            agents[0],
            f"{number}",
        )
    with served() as web, Crowd(web.port, pages) as crowd:
        done = threading.Event()
        cutting = threading.Thread(target=_cut, args=(crowd, done, 1.5 if clients < 50 else 5.0))
        cutting.start()
        write(tickets, agents, clients * 5, rate=RATE)
        crowd.until(lambda: all(len(page.opened_at) > 2 for page in pages), WITHIN)
        done.set()
        cutting.join()
        come_true(crowd, pages)
        assert_fresh(web.port, pages[:40])


def _cut(crowd: Crowd, done: threading.Event, every: float) -> None:
    while not done.wait(every):
        crowd.reconnect_all()


@pytest.mark.parametrize("rounds", [2, pytest.param(100, marks=pytest.mark.full)])
def test_a_writer_who_pauses_before_the_commit_hides_nothing(rounds: int) -> None:
    """F12: a second writer waits for the first one's conversation; pages never skip either."""
    pages, [ticket], agents = furnished(4, 1)
    pause = 1.0 if rounds < 10 else 3.0
    with served() as web, Crowd(web.port, pages) as crowd:
        for number in range(rounds):
            slow = threading.Thread(target=_slowly, args=(ticket, agents[0], number, pause))
            slow.start()
            time.sleep(pause / 3)
            note(ticket, agents[0], f"Quick {number}")
            slow.join()
        come_true(crowd, pages)
        assert_fresh(web.port, pages)
        assert sum(key.startswith("entry:") for key in pages[0].rows) == 2 * rounds


def _slowly(ticket: Ticket, agent: Agent, number: int, pause: float) -> None:
    try:
        with transaction.atomic():
            note(ticket, agent, f"Slow {number}")
            time.sleep(pause)
    finally:
        connection.close()


@sizes
def test_a_rolling_deployment_loses_nothing(clients: int) -> None:
    """F24: web is replaced while pages are open and notes are posted. Each post is made again until
    it is answered; nothing is lost or doubled, and not everybody comes back at once."""
    pages, tickets, agents = furnished(clients, clients // 4)
    swaps = 1 if clients < 50 else 5
    with served() as web, Crowd(web.port, pages) as crowd:
        posting = _Posting(crowd, pages, tickets)
        posting.start()
        for _ in range(swaps):
            time.sleep(2)
            old, web.port = web.process, free_port()
            web.process = web._start(web.port)
            crowd.port = web.port
            left = time.monotonic()
            web.stop(old)
            crowd.until(partial(_all_opened_since, pages, left), 60)
        posting.finish()
        come_true(crowd, pages)
        assert posting.failed == []
        assert_fresh(web.port, pages[:40])
        assert all(1012 in page.ends for page in pages)
        back = sorted(page.opened_at[-1] for page in pages)
        assert back[-1] - back[0] >= 0.5 * clients / 30
        texts = [html for page in pages for html in page.rows.values()]
        for mark in posting.marks:
            shown = [page for page in pages if any(mark in html for html in page.rows.values())]
            assert shown, (mark, len(texts))


def _all_opened_since(pages: Sequence[Page], moment: float) -> bool:
    return all(page.opened_at[-1] > moment for page in pages)


class _Posting(threading.Thread):
    """Posts notes by HTTP, each under a token of its own, until told to end."""

    def __init__(self, crowd: Crowd, pages: Sequence[Page], tickets: Sequence[Ticket]) -> None:
        super().__init__(daemon=True)
        self.crowd, self.pages, self.tickets = crowd, pages, tickets
        self.marks, self.failed = list[str](), list[str]()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.2):
            mark = uuid.uuid4().hex
            if self._post(mark):
                self.marks.append(mark)
            else:
                self.failed.append(mark)

    def finish(self) -> None:
        self._over.set()
        self.join(2 * PATIENCE)

    def _post(self, mark: str) -> bool:
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            if self._try(mark):
                return True
            time.sleep(0.3)
        return False

    def _try(self, mark: str) -> bool:
        ticket, page = self.tickets[0], self.pages[0]
        token = "t" * 32
        body = f"note-text={mark}&note-client_token={uuid.UUID(mark)}&csrfmiddlewaretoken={token}"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.crowd.port}/tickets/{ticket.pk}/note/",
            data=body.encode(),
            headers={
                "Cookie": f"{page.cookie}; csrftoken={token}",
                "Accept": "application/json",
                "Origin": f"http://127.0.0.1:{self.crowd.port}",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bool(answer.status == 200 and json.load(answer).get("entry"))
        except OSError:
            return False


def test_a_lost_redis_costs_seconds(tmp_path: Path) -> None:
    """Emptied, killed, started again: sockets stay, pages come true, bells ring again."""
    tmp_path.chmod(0o711)
    valkey = Valkey(Place.beside(tmp_path), "secret", free_port(), durable=False)
    service, log = valkey.prepare(), tmp_path / "valkey.log"
    child = Child(service, log)
    child.wait_ready(20)
    layer = {**LAYERS["lossy"], "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}
    layer["CONFIG"] = {**layer["CONFIG"], "hosts": [valkey.url]}
    pages, tickets, agents = furnished(SMALL, 6)
    try:
        with (
            override_settings(CHANNEL_LAYERS={"default": layer}, CACHES=_cache(valkey.url)),
            served(REDIS_URL=valkey.url) as web,
            Crowd(web.port, pages) as crowd,
        ):
            with redis.Redis.from_url(valkey.url) as server:
                server.flushall()
            write(tickets, agents, 12, rate=20)
            with stalls() as stalled:
                took = crowd.until(lambda: is_true(pages), WITHIN)
            assert took < 5 + stalled.seconds
            child.stop()
            write(tickets, agents, 12, rate=20)
            child = Child(service, log)
            child.wait_ready(20)
            come_true(crowd, pages)
            write(tickets, agents, 12, rate=20)
            with stalls() as stalled:
                took = crowd.until(lambda: is_true(pages), WITHIN)
            assert took < 10 + stalled.seconds
            assert not any(page.ends for page in pages)
    finally:
        child.stop()


def _cache(url: str) -> dict[str, Any]:
    return {"default": {**settings.CACHES["default"], "LOCATION": url}}
