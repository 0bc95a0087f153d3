"""What ends whoever reads it: found out in a process apart, given up, and harmful to no neighbour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from channels_inbox import apart, lanes, receive
from channels_inbox.apart import Apart, ReaderDied
from channels_inbox.models import Item, ItemState
from channels_inbox.reader import Reader
from conversations.models import Entry
from conversations.thread import database_now
from tests.channels_inbox import deadly
from tests.channels_inbox.loft import Doves, comes, pigeons, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from conversations.models import Inbox
    from tests.builders import Cast


@pytest.fixture
def loft(settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    monkeypatch.setattr(Doves, "reader", Reader(verify, deadly.parse))
    # What fails is tried again when `work` is done, and not as soon as a second is over.
    monkeypatch.setattr(receive, "database_now", lambda: database_now() + timedelta(hours=1))
    with pigeons(settings, cast.support) as inbox:
        yield inbox


def the_worker_dies() -> None:
    """While it holds what it claimed."""
    assert lanes.claim("fast", 10)
    Item.objects.update(lease_until=database_now() - timedelta(seconds=1))


def work() -> None:
    now = database_now()
    Item.objects.filter(state=ItemState.WAITING, next_at__gt=now).update(next_at=now)
    receive.process_waiting("fast")


def test_of_a_reader_that_dies_only_the_process_apart_dies() -> None:
    reading = Apart()
    with pytest.raises(ReaderDied, match="SIGSEGV"):
        reading.read(deadly.parse, b'{"text": "deadly"}')
    reading.read(deadly.parse, b'{"text": "Hello", "from": "kim", "id": "1"}')
    reading.read(deadly.refuses, b"what it says of it is said elsewhere")


def test_one_that_never_ends_is_ended() -> None:
    reading = Apart()
    with pytest.raises(ReaderDied, match="SIGPROF"):
        reading.read(deadly.never_ends, b"deadly")
    reading.read(deadly.never_ends, b"Hello")


def test_where_no_process_can_be_had_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart.sys, "executable", "/bin/false")
    Apart().read(deadly.parse, b'{"text": "deadly"}')


@pytest.mark.django_db
def test_what_ended_its_worker_is_tried_apart_and_ends_dead(loft: Inbox) -> None:
    for number, text in enumerate(["Hello", "deadly", "Thank you"]):
        comes(loft, f"d{number}", text)
    comes(loft, "d1", "Are you there?")
    the_worker_dies()
    work()
    found = Entry.objects.filter(kind="message").values_list("text", "late")
    assert set(found) == {("Hello", False), ("Thank you", False)}
    for _attempt in range(receive.MAX_ATTEMPTS):
        work()
    item = Item.objects.get(state=ItemState.DEAD)
    assert (item.attempts, item.reason) == (receive.MAX_ATTEMPTS, "ReaderDied: SIGSEGV")
    assert Entry.objects.filter(text="Are you there?", late=False).exists()


@pytest.mark.django_db
def test_what_ends_its_workers_elsewhere_is_given_up_too(loft: Inbox) -> None:
    comes(loft, "d1", "Hello")
    for _life in range(lanes.SPARED + receive.MAX_ATTEMPTS):
        assert Item.objects.get().state == ItemState.WAITING
        the_worker_dies()
    work()
    item = Item.objects.get()
    assert (item.state, item.reason) == (ItemState.DEAD, "Deadly: its worker stopped each time")


@pytest.mark.django_db
def test_a_worker_that_died_now_and_then_says_nothing_of_the_item(loft: Inbox) -> None:
    comes(loft, "d1", "Hello")
    for _life in range(lanes.SPARED):
        the_worker_dies()
    work()
    assert list(Entry.objects.filter(kind="message").values_list("text", "late")) == [
        ("Hello", False)
    ]
