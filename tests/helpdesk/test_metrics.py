"""Figures for operators: right over several processes, without a word of anybody, closed."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

import pytest
import redis
from django.db import connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings
from websockets.sync.client import connect

from channels_inbox.email.config import MailConfig
from channels_inbox.models import Item, Webhook
from channels_inbox.webhooks import keeping
from channels_inbox.webhooks import queue as webhooks
from conversations import exports, replies, tasks
from conversations.consumers.leaving import unless_gone
from conversations.models import Delivery, Inbox, Role, Ticket
from helpdesk import heartbeats
from helpdesk.embedded import free_port
from helpdesk.metrics import counting, readings
from helpdesk.tracing import Traced
from tests.builders import answer, identity_of, make_agent, make_cast, make_ticket, ticket_of
from tests.channels_inbox.mailing import arrive, make_mail
from tests.channels_inbox.mailing import connect as connect_mail
from tests.journeys.serving import serving
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-tests"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def empty(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Figures of this test alone, in a place of its own, handed over by nobody but the test: a
    thread of the process does it every few seconds, also with what others have counted."""
    counting.mine().hand_over()
    counting.mine().sockets.clear()
    monkeypatch.setattr(counting, "_mine", counting.Counts())
    settings.REDIS_PREFIX = f"{settings.REDIS_PREFIX}-{uuid4().hex}"
    # A process is not forgotten because the test took its time.
    monkeypatch.setattr(counting, "LASTS", 3600.0)
    yield
    with heartbeats.client() as server:
        server.delete(counting.key("counted"), counting.key("sockets"))


@pytest.fixture
def token(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN


Figures = dict[tuple[str, tuple[str, ...]], float]


def scrape() -> Figures:
    """Every sample by its name and label values."""
    answered = Client().get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answered.status_code == 200
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answered.content.decode())
        for sample in family.samples
    }


def handed_over() -> Figures:
    """Every sample with what this process has counted by now."""
    counting.mine().hand_over()
    return scrape()


# Who may read them.


def test_without_a_setting_there_is_no_such_page() -> None:
    assert Client().get("/metrics").status_code == 404
    assert Client().get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    "given", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"]
)
def test_a_wrong_token_opens_nothing(given: str) -> None:
    assert Client().get("/metrics", headers={"authorization": given}).status_code == 404


def test_networks_open_it_where_no_proxy_is_between(settings: Settings) -> None:
    settings.METRICS_NETWORKS = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    inside = Client(REMOTE_ADDR="10.1.2.3")
    assert inside.get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="fd00::1").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="11.1.2.3").get("/metrics").status_code == 404
    assert Client(REMOTE_ADDR="").get("/metrics").status_code == 404
    assert inside.get("/metrics", headers={"x-forwarded-for": "1.2.3.4"}).status_code == 404


# What they say.


@pytest.mark.usefixtures("token")
def test_what_nobody_may_take_does_not_wait() -> None:
    cast = make_cast()
    connect_mail(cast.inbox, MailConfig())
    item = arrive(cast.inbox, make_mail())
    assert item.entry
    for _ in range(2):
        answer(ticket_of(item.entry), by=cast.alice, inbox=cast.inbox, to=identity_of())

    def waiting(queue: str) -> float:
        return scrape()["helpdesk_queue_waiting", (queue,)]

    # Of two to one address the second waits for the first, and for longer when that is put off.
    first = Delivery.objects.order_by("pk")[0]
    assert waiting("outbound") == 1
    Delivery.objects.filter(pk=first.pk).update(next_at=timezone.now() + HOUR)
    assert waiting("outbound") == 0
    Delivery.objects.filter(pk=first.pk).update(next_at=timezone.now())
    Inbox.objects.update(is_active=False)
    assert waiting("outbound") == 0

    now = timezone.now()
    Item.objects.update(state="waiting", ended_at=None, next_at=now)
    assert waiting("inbound") == 1
    Item.objects.update(next_at=now + HOUR)
    assert waiting("inbound") == 0
    Item.objects.update(next_at=now, lease_until=now + HOUR)
    assert waiting("inbound") == 0


@pytest.mark.usefixtures("token")
def test_exports_and_calls_of_webhooks_wait_too() -> None:
    cast = make_cast()
    ada = make_agent("Ada", role=Role.ADMIN)
    webhook, _secret = keeping.make(name="Shop", url="https://x.example/", types=[], by=ada)
    ticket = make_ticket(cast.inbox)
    replies.note(ticket, by=ada, text="Hm.", client_token=uuid4())
    exports.ask(by=ada, format="json", with_notes=True, client_token=uuid4(), ticket=ticket)
    told = scrape()
    assert webhook.calls.count() > 1
    # One after the other, as they are of one ticket.
    assert told["helpdesk_queue_waiting", ("calls",)] == 1
    assert told["helpdesk_queue_waiting", ("exports",)] == 1
    exports.claim()
    webhooks.claim()
    told = scrape()
    assert told["helpdesk_queue_waiting", ("calls",)] == 0
    assert told["helpdesk_queue_waiting", ("exports",)] == 0
    webhook.calls.update(lease_until=None)
    assert scrape()["helpdesk_queue_waiting", ("calls",)] == 1
    Webhook.objects.update(is_active=False)
    assert scrape()["helpdesk_queue_waiting", ("calls",)] == 0


@pytest.mark.usefixtures("token")
def test_who_leaves_is_no_fault_and_being_held_is_no_work() -> None:
    async def leaves(scope: Any, receive: Any, send: Any) -> None:
        scope["held"] = 1000.0

    async def is_sent_away(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def ask(app: Any) -> None:
        scope = {"type": "http", "method": "GET", "path": "/desk/", "headers": []}
        with suppress(ZeroDivisionError, asyncio.CancelledError):
            await Traced(app, ["desk"])(scope, receive, receive)  # type: ignore[arg-type]

    for app in (leaves, is_sent_away, breaks):
        asyncio.run(ask(app))
    counting.mine().hand_over()
    told = scrape()
    assert told["helpdesk_requests_total", ("desk", "GET", "left")] == 2
    assert told["helpdesk_requests_total", ("desk", "GET", "5xx")] == 1
    assert told["helpdesk_request_seconds_count", ("desk",)] == 3

    async def hold() -> float:
        scope: dict[str, Any] = {}
        assert await unless_gone(asyncio.sleep(0.1), scope, receive)
        return float(scope["held"])

    assert asyncio.run(hold()) > 0.09


@pytest.mark.usefixtures("token")
def test_it_tells_what_waits_and_what_became_of_what_came() -> None:
    cast = make_cast()
    connect_mail(cast.inbox, MailConfig())
    item = arrive(cast.inbox, make_mail())
    assert item.entry
    answer(ticket_of(item.entry), by=cast.alice, inbox=cast.inbox, to=identity_of())
    arrive(cast.inbox, make_mail("other@example.org"))
    old = timezone.now() - timedelta(seconds=90)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conversations_delivery SET next_at = %s", [old])
        cursor.execute(
            "UPDATE channels_inbox_item SET state = 'dead', reason = 'x' WHERE id = %s", [item.pk]
        )
    told = scrape()
    assert told["helpdesk_up", ("database",)] == told["helpdesk_up", ("broker",)] == 1
    assert told["helpdesk_queue_waiting", ("outbound",)] == 1
    assert 90 <= told["helpdesk_queue_oldest_seconds", ("outbound",)] < 900
    assert told["helpdesk_queue_oldest_seconds", ("inbound",)] == 0
    assert told["helpdesk_items", ("dead",)] == 1
    assert told["helpdesk_items_recent", ("threaded",)] == 1
    assert told["helpdesk_deliveries", ("queued",)] == 1
    assert told["helpdesk_alive", ("beat",)] == 0


@pytest.mark.usefixtures("token")
def test_it_tells_which_laws_are_broken() -> None:
    ticket = make_ticket(make_cast().inbox)
    assert scrape()["helpdesk_laws_broken", ("H10",)] == 0
    Ticket.objects.filter(pk=ticket.pk).update(deadline_kind="wake")
    tasks.check_laws()
    told = scrape()
    assert told["helpdesk_laws_broken", ("H10",)] == 1
    assert told["helpdesk_laws_broken", ("H1",)] == 0


@pytest.mark.usefixtures("token")
def test_what_is_recent_stops_at_the_youngest(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = make_cast()
    for _ in range(3):
        arrive(cast.inbox, make_mail())
    whole = readings.recent("items")
    assert (whole.total, whole.is_least) == (3, False)
    monkeypatch.setattr(readings, "YOUNGEST", 2)
    part = readings.recent("items")
    assert (part.total, part.is_least) == (2, True)


@pytest.mark.usefixtures("token")
def test_counters_add_up_over_processes(settings: Settings) -> None:
    code = (
        "import django; django.setup()\n"
        "from helpdesk import heartbeats\n"
        "from helpdesk.metrics import counting\n"
        f"heartbeats.TIMEOUT = {PATIENCE}\n"
        "counts = counting.mine()\n"
        "counts.add('requests', 'desk', 'GET', '2xx', by=3)\n"
        "counts.took('request_seconds', 'desk', seconds=0.02)\n"
        "counts.sockets['desk'] += 2\n"
        "counts.hand_over()\n"
    )
    # Those of the tests have a place of their own, by the worker's name.
    place = {
        "REDIS_PREFIX": settings.REDIS_PREFIX,
        "DJANGO_SETTINGS_MODULE": "helpdesk.settings",
    }
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | place, check=True)
    told = scrape()
    assert told["helpdesk_requests_total", ("desk", "GET", "2xx")] == 6
    assert told["helpdesk_request_seconds_bucket", ("desk", "0.01")] == 0
    assert told["helpdesk_request_seconds_bucket", ("desk", "0.025")] == 2
    assert told["helpdesk_request_seconds_count", ("desk",)] == 2
    assert told["helpdesk_request_seconds_sum", ("desk",)] == pytest.approx(0.04)
    assert told["helpdesk_sockets", ("desk",)] == 4


@pytest.mark.usefixtures("token")
def test_sockets_of_dead_processes_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = counting.Counts()
    counts.sockets["chat"] += 5
    counts.hand_over()
    assert scrape()["helpdesk_sockets", ("chat",)] == 5
    monkeypatch.setattr(counting, "LASTS", -1.0)
    assert scrape()["helpdesk_sockets", ("chat",)] == 0


@pytest.mark.usefixtures("token")
def test_a_web_process_counts_what_it_answers() -> None:
    with serving() as web:
        for path in ("/healthz", "/healthz", "/desk/mine/open/", "/secret-word-of-somebody"):
            try:
                urlopen(web.url + path, timeout=PATIENCE).read()
            except OSError:
                continue
        url = f"{web.url.replace('http', 'ws')}/ws/desk/"
        with connect(url, origin=web.url, open_timeout=PATIENCE, proxy=None) as socket:  # type: ignore[arg-type]
            # A request is counted a moment after it was answered.
            wanted = {
                ("helpdesk_requests_total", ("healthz", "GET", "2xx")): 2,
                ("helpdesk_requests_total", ("desk", "GET", "3xx")): 1,
                ("helpdesk_requests_total", ("other", "GET", "4xx")): 1,
            }
            until(lambda: wanted.items() <= handed_over().items())
            told = handed_over()
            socket.close()
    assert wanted.items() <= told.items()
    assert not any("secret" in value for _name, labels in told for value in labels)


@pytest.mark.usefixtures("token")
def test_what_was_counted_while_redis_was_away_is_kept(settings: Settings) -> None:
    counts, at = counting.Counts(), settings.REDIS_URL
    counts.add("requests", "desk", "GET", "5xx")
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    with pytest.raises(redis.RedisError):
        counts.hand_over()
    told = scrape()
    assert (told["helpdesk_up", ("broker",)], told["helpdesk_up", ("database",)]) == (0, 1)
    settings.REDIS_URL = at
    counts.hand_over()
    counts.hand_over()
    assert scrape()["helpdesk_requests_total", ("desk", "GET", "5xx")] == 1


@pytest.mark.usefixtures("token")
def test_nothing_anybody_wrote_is_in_it() -> None:
    cast = make_cast()
    connect_mail(cast.inbox, MailConfig())
    marker = "Zebrafish"
    mail = make_mail(f"{marker} <{marker}@example.org>", subject=marker, text=marker)
    arrive(cast.inbox, mail)
    arrive(cast.inbox, f"{marker}: {marker}".encode())
    text = Client().get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).content.decode()
    assert "helpdesk_items_recent" in text
    for word in (marker, marker.lower(), cast.inbox.name, cast.inbox.address, "alice", "Support"):
        assert word not in text
