"""The banner on every page when a worker or beat is dead."""

import time
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from conversations.models import Role
from helpdesk import heartbeats, lookout
from helpdesk.embedded import free_port
from helpdesk.lookout import Lookout
from tests.builders import make_agent, make_team
from tests.conversations.desk import sign_in
from tests.patience import until

pytestmark = pytest.mark.django_db


@pytest.fixture
def alive() -> Iterator[None]:
    """Signs of life of every process."""
    with heartbeats.client() as server:
        server.mset(dict.fromkeys(map(heartbeats.key, heartbeats.EXPECTED), 1))
    yield
    heartbeats.forget()


@pytest.fixture
def watchful(settings: Settings) -> Iterator[None]:
    """A look-out of this test, that waits for nobody."""
    settings.LOOKOUT = {"every": 0.02, "grace": 0.02 + 0.0001 * next(_numbers)}
    yield
    calm(lookout.lookout())


def calm(watching: Lookout | None) -> None:
    """Its thread lives as long as the process: it needn't look fifty times a second."""
    assert watching is not None
    watching.every = 3600.0


_numbers = iter(range(1000))


def admin() -> Client:
    return sign_in(make_agent("Ada", make_team(), role=Role.ADMIN))


def shown(client: Client) -> str:
    page = client.get("/settings/account/").content.decode()
    return page.partition('<div id="alarm"')[2].partition("</div>\n  <div class")[0]


@pytest.mark.usefixtures("alive", "watchful")
def test_nothing_is_said_while_all_live() -> None:
    client = admin()
    shown(client)
    time.sleep(0.3)
    assert "banner" not in shown(client)


@pytest.mark.usefixtures("alive", "watchful")
@pytest.mark.parametrize(
    ("dead", "words"),
    [
        (["worker-slow"], "A worker is not running"),
        (["beat"], "Beat is not running"),
        (["worker-fast", "beat"], "Workers and beat are not running"),
    ],
)
def test_admins_are_told_in_red_what_is_dead_and_where_to_look(dead: list[str], words: str) -> None:
    with heartbeats.client() as server:
        server.delete(*map(heartbeats.key, dead))
    client = admin()
    until(lambda: words in shown(client))
    assert 'class="banner bad"' in shown(client)
    assert 'href="/settings/health/"' in shown(client)


@pytest.mark.usefixtures("watchful")
def test_others_are_told_whom_to_tell() -> None:
    client = sign_in(make_agent("Ben", make_team()))
    until(lambda: "Tell an admin" in shown(client))
    assert "banner" not in shown(client)
    assert "/settings/health/" not in shown(client)


@pytest.mark.usefixtures("watchful")
def test_a_lost_broker_is_told_too(settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    client = admin()
    until(lambda: "Redis doesn’t answer" in shown(client))


@pytest.mark.usefixtures("watchful")
def test_it_goes_away_when_they_are_back() -> None:
    client = admin()
    until(lambda: "banner" in shown(client))
    with heartbeats.client() as server:
        server.mset(dict.fromkeys(map(heartbeats.key, heartbeats.EXPECTED), 1))
    until(lambda: "banner" not in shown(client))
    heartbeats.forget()


def test_one_that_is_being_started_anew_is_not_dead_yet() -> None:
    patient = Lookout(every=0.01, grace=3600)
    patient.missed()
    until(lambda: len(patient._since) == len(heartbeats.EXPECTED))
    assert patient.missed() == ()
    calm(patient)


def test_asking_costs_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    watching = Lookout(every=0.01, grace=0)
    with django_assert_num_queries(0):
        until(lambda: bool(watching.missed()))
    calm(watching)
