"""A database that goes away in the middle says nothing of a message and nothing of its provider: cut
off at one statement after the other, nothing counts against either, and each is done once."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection

from channels_inbox import deliver, lanes, receive
from channels_inbox.gates import out
from channels_inbox.gates.models import Gate
from channels_inbox.models import Item, ItemState
from conversations.models import Delivery, Entry, Inbox
from conversations.thread import database_now
from helpdesk.bench.live import database_url
from tests.channels_inbox.loft import Doves, comes, pigeons, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django.fixtures import Settings

    from tests.builders import Cast

pytestmark = pytest.mark.django_db(transaction=True)
MOST_STATEMENTS = 80


@pytest.fixture
def loft(settings: Settings, cast: Cast) -> Iterator[Inbox]:
    with pigeons(settings, cast.support) as inbox:
        yield inbox


class Cut:
    """Ends our session at the server right before its `at`-th statement."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def __call__(self, execute: Callable[..., Any], *told: Any) -> Any:
        self.seen += 1
        if self.seen == self.at:
            pid = connection.connection.info.backend_pid
            with psycopg.connect(database_url(), autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return execute(*told)


@contextmanager
def cut(at: int) -> Iterator[Cut]:
    connection.ensure_connection()
    made = Cut(at)
    with connection.execute_wrapper(made), suppress(OperationalError, InterfaceError):
        yield made
    connection.close()


def test_on_the_way_in(loft: Inbox) -> None:
    for at in range(1, MOST_STATEMENTS):
        comes(loft, f"d{at}", f"{at:02}")
        [lease] = lanes.claim("fast")
        with cut(at) as made:
            receive.process(lease)
        item = Item.objects.get(pk=lease.item)
        if made.seen < at:
            break
        assert (at, item.attempts, Gate.objects.filter(in_failures__gt=0).count()) == (at, 0, 0)
        Item.objects.filter(state=ItemState.WAITING).update(
            lease_until=None, next_at=database_now()
        )
        receive.process_waiting("fast")
    assert 5 < at < MOST_STATEMENTS - 1
    texts = Entry.objects.filter(direction="in").values_list("text", flat=True)
    assert sorted(texts) == [f"{number:02}" for number in range(1, at + 1)]


def test_an_item_whose_session_was_cut_off_is_free_at_once(loft: Inbox) -> None:
    comes(loft, "grey", "Coo")
    [lease] = lanes.claim("fast")
    with cut(1):
        receive.process(lease)
    assert Item.objects.get().lease_until is None


def test_on_the_way_out(loft: Inbox, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "WRITE_AGAIN_EVERY", 0.01)
    for at in range(1, MOST_STATEMENTS):
        write(loft, cast, f"m{at}")
        lease = deliver._claim("slow", out.ways("slow"))
        assert lease
        with cut(at) as made:
            deliver.attempt(lease)
        if made.seen < at:
            break
        gate = Gate.objects.get()
        assert (at, gate.failures, gate.shut_at) == (at, 0, None)
        state = "sent" if lease.delivery in Doves.took else "queued"
        assert (at, Delivery.objects.get(pk=lease.delivery).state) == (at, state)
        Delivery.objects.filter(state="queued").update(next_at=database_now())
        deliver.deliver_due("slow")
    assert 10 < at < MOST_STATEMENTS - 1
    assert len(Doves.took) == len(set(Doves.took)) == at
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
