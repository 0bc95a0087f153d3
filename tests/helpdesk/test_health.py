"""What load balancers are told."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from helpdesk import health, heartbeats
from helpdesk.embedded import free_port
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alive() -> Iterator[None]:
    """Signs of life of every process."""
    stops = [heartbeats.start(name) for name in heartbeats.EXPECTED]
    until(lambda: not heartbeats.missing())
    yield
    for stop in stops:
        stop.set()
    no_beats()
    heartbeats.forget()


def no_beats() -> None:
    """Whoever was about to leave a sign has left it."""
    until(lambda: all(one.name != "heartbeat" for one in threading.enumerate()))


def ask(client: Client, path: str = "/readyz") -> tuple[int, dict[str, object]]:
    answer = client.get(path)
    return answer.status_code, json.loads(answer.content)


def test_it_lives_without_a_question_to_any_service(
    client: Client, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with django_assert_num_queries(0):
        assert ask(client, "/healthz") == (200, {"status": "alive"})


@pytest.mark.usefixtures("alive")
def test_it_is_ready_when_all_is_well(client: Client) -> None:
    well: dict[str, object] = {"status": "ready", "degraded": {}, "oldest_unprocessed_at": None}
    assert ask(client) == ask(client, "/readyz?strict=1") == (200, well)


def test_missing_processes_only_degrade_it(client: Client) -> None:
    status, said = ask(client)
    assert (status, said["status"]) == (200, "degraded")
    assert said["degraded"] == dict.fromkeys(heartbeats.EXPECTED, "no sign of life for 20 s")
    assert ask(client, "/readyz?strict=1")[0] == 503


def test_a_lost_redis_only_degrades_it(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    status, said = ask(client)
    assert (status, said["degraded"]) == (200, {"broker": "Redis doesn't answer (ConnectionError)"})
    assert ask(client, "/readyz?strict=1")[0] == 503


@pytest.mark.usefixtures("alive")
def test_an_old_item_degrades_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    came = now - timedelta(minutes=5)
    monkeypatch.setattr("channels_inbox.models.ItemQuerySet.oldest_waiting", lambda queryset: came)
    monkeypatch.setattr(health, "timezone", SimpleNamespace(now=lambda: now))
    status, said = ask(client)
    assert status == 200
    assert said["degraded"] == {"backlog": "the oldest item has been waiting for 300 s"}


@pytest.mark.usefixtures("alive")
def test_it_is_not_ready_when_nothing_can_be_committed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.2)
    free = threading.Event()
    blocker = health.prober.submit(free.wait)
    status, said = ask(client)
    assert (status, said["status"]) == (503, "unavailable")
    assert said["degraded"] == {"database": "no commit within 0 s"}
    free.set()
    blocker.result()
    monkeypatch.setattr(health, "PATIENCE", PATIENCE)
    assert ask(client)[0] == 200


@pytest.mark.usefixtures("alive")
def test_it_is_not_ready_on_a_read_only_database(client: Client) -> None:
    change = f"ALTER DATABASE {connection.settings_dict['NAME']} {{}} default_transaction_read_only"
    with connection.cursor() as cursor:
        cursor.execute(change.format("SET") + " = on")
        try:
            assert ask(client)[1]["degraded"] == {"database": "can't commit (InternalError)"}
        finally:
            cursor.execute(change.format("RESET"))


def test_who_lives_is_told_from_who_has_just_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0

    def passes(seconds: float) -> None:
        """So long for the sign, too; and long enough for whoever lives to leave it anew."""
        nonlocal clock
        assert seconds > heartbeats.EVERY
        clock += 10
        with heartbeats.client() as server:
            place = heartbeats.key("beat")
            server.pexpire(place, int(server.pttl(place)) - 10_000)
            until(lambda: stop.is_set() or int(server.pttl(place)) > 15_000)

    monkeypatch.setattr(heartbeats, "EVERY", 0.02)
    monkeypatch.setattr(heartbeats, "time", SimpleNamespace(monotonic=lambda: clock, sleep=passes))
    stop = heartbeats.start("beat")
    try:
        until(lambda: "beat" not in heartbeats.missing())
        assert heartbeats.renewed() == ["beat"]
        stop.set()
        no_beats()
        assert "beat" not in heartbeats.missing()
        assert heartbeats.renewed() == []
    finally:
        stop.set()
        heartbeats.forget()
