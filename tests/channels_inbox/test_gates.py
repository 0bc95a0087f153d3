"""How fast an inbox sends, and what stops it: rate, number at once, breakers both ways."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from channels_inbox import accounts, deliver, receive
from channels_inbox.base import ConnectError, Raw, SendError, SendUnknown
from channels_inbox.gates import into, out
from channels_inbox.gates.hands import Hands
from channels_inbox.gates.models import Gate
from channels_inbox.models import Account, Item
from channels_inbox.pages.health import notices
from conversations.models import Delivery, Entry, Inbox, Kind, Role
from conversations.thread import database_now
from tests.builders import make_agent, make_inbox
from tests.channels_inbox.loft import Doves, comes, dove, pigeons, write
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from tests.builders import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def loft(settings: Settings, cast: Cast) -> Iterator[Inbox]:
    with pigeons(settings, cast.support) as inbox:
        yield inbox


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def gate() -> Gate:
    return Gate.objects.get()


def due_now() -> None:
    Delivery.objects.filter(state="queued").update(next_at=database_now())


def fail(times: int, error: Exception) -> None:
    Doves.answers = [error] * times
    for _try in range(times):
        due_now()
        deliver.deliver_due("slow")


AWAY = SendError("unreachable", "down", permanent=False, away=True)


def test_no_more_goes_out_than_the_rate_allows(loft: Inbox, cast: Cast) -> None:
    out.allow(loft, 60)
    Gate.objects.update(tokens=1)
    for number in range(3):
        write(loft, cast, f"m{number}")
    began = time.monotonic()
    deliver.deliver_due("slow")
    assert states() == ["sent"] * 3
    assert time.monotonic() - began > 1.5


def test_a_rate_of_an_admin_is_written_on_the_page_of_the_inbox(loft: Inbox) -> None:
    client = Client()
    ada = make_agent("Ada", role=Role.ADMIN)
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse("inboxes:inbox", args=[loft.pk])
    assert 'name="per_minute" value="600"' in client.get(page).content.decode()
    told = {"name": "Loft", "team": loft.team_id, "undo_seconds": 0, "reopen_hours": 72}
    assert client.post(page, {**told, "ring": "", "per_minute": "45"}).status_code == 302
    assert out.rate_of(loft) == 45
    assert client.post(page, {**told, "ring": "", "per_minute": ""}).status_code == 302
    assert (out.rate_of(loft), gate().per_minute) == (600, None)


@pytest.mark.parametrize("error", [AWAY, SendUnknown("nobody knows"), RuntimeError("a defect")])
def test_a_provider_that_fails_again_and_again_is_left_alone(
    loft: Inbox, cast: Cast, error: Exception
) -> None:
    for number in range(8):
        write(loft, cast, f"m{number}")
    fail(8, error)
    assert len(Doves.took) == out.SHUTS_AFTER
    assert gate().shut_at is not None
    [told] = notices(Account.objects.select_related("inbox__gate").get(inbox=loft))
    assert "5 times in a row" in told
    Doves.is_down = True
    probe()
    assert gate().probe_at is not None
    Doves.is_down = False
    probe()
    assert (gate().shut_at is None, gate().probe_at) == (False, None)
    Doves.answers = []
    due_now()
    deliver.deliver_due("slow")
    assert gate().shut_at is None
    assert "queued" not in states()


def probe() -> None:
    Gate.objects.update(probe_at=database_now())
    assert out.probe_due() == 1


def test_trying_whether_it_is_back_is_not_the_messages_fault(loft: Inbox, cast: Cast) -> None:
    write(loft, cast, "m")
    fail(5, AWAY)
    assert Delivery.objects.get().attempts == 5
    for _probe in range(8):
        probe()
        fail(1, AWAY)
    assert (states(), Delivery.objects.get().attempts) == (["queued"], 5)


def test_one_message_tries_first_and_the_others_wait(loft: Inbox, cast: Cast) -> None:
    for number in range(6):
        write(loft, cast, f"m{number}")
    fail(5, AWAY)
    probe()
    Doves.answers = [AWAY]
    due_now()
    deliver.deliver_due("slow")
    assert len(Doves.took) == out.SHUTS_AFTER + 1
    assert gate().probe_at is not None


def test_a_no_about_one_message_shuts_nothing(loft: Inbox, cast: Cast) -> None:
    for number in range(7):
        write(loft, cast, f"m{number}")
    fail(7, SendError("invalid", "no such dove", permanent=True))
    assert (gate().shut_at, states()) == (None, ["failed"] * 7)


def test_saving_the_settings_tries_at_once(loft: Inbox, cast: Cast) -> None:
    write(loft, cast, "m")
    fail(5, AWAY)
    assert not [way for way in out.ways("slow") if way.inbox == loft.pk]
    accounts.connect(loft, {}, {})
    Doves.answers = []
    deliver.deliver_due("slow")
    assert states() == ["sent"]


def test_a_slow_provider_has_one_hand_of_all(loft: Inbox, cast: Cast) -> None:
    for number in range(3):
        write(loft, cast, f"m{number}")
    assert [way.slow for way in out.ways("slow") if way.inbox == loft.pk] == [False]
    lease = deliver._claim("slow", out.ways("slow"))
    assert lease
    out.worked(loft.pk, 30.0)
    assert gate().pace_ms == 10_000
    assert loft.pk not in [way.inbox for way in out.ways("slow")]
    Delivery.objects.update(state="sent", lease_until=None)
    assert [way.slow for way in out.ways("slow") if way.inbox == loft.pk] == [True]


BUSY = SendError("busy", "less", permanent=False, retry_after=timedelta(minutes=7))


def test_after_a_rest_one_message_tries_and_all_go_on_when_it_is_taken(
    loft: Inbox, cast: Cast
) -> None:
    for number in range(4):
        write(loft, cast, f"m{number}")
    fail(1, BUSY)
    assert loft.pk not in [way.inbox for way in out.ways("slow")]
    assert not out.take(loft)
    rest_is_over()
    due_now()
    before = out.ways("slow")
    lease = deliver._claim("slow", before)
    assert lease
    assert deliver._claim("slow", before) is None
    assert loft.pk not in [way.inbox for way in out.ways("slow")]
    Doves.answers = [BUSY]
    deliver.attempt(lease)
    rest_is_over()
    due_now()
    deliver.deliver_due("slow")
    assert (len(Doves.took), states()) == (1 + 1 + 4, ["sent"] * 4)
    assert [way.slow for way in out.ways("slow") if way.inbox == loft.pk] == [False]


def rest_is_over() -> None:
    Account.objects.update(rests_until=database_now() - timedelta(milliseconds=1))


def test_who_waits_for_a_slow_provider_has_another_look_after_the_rest(
    loft: Inbox, cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    for number in range(2):
        write(loft, cast, f"m{number}")
    for pace, woken in ((0.0, 0), (30.0, 1)):
        out.worked(loft.pk, pace)
        with django_capture_on_commit_callbacks() as called:
            assert deliver._claim("slow", out.ways("slow"))
        assert [ask.args for ask in called] == [(("slow", "channels_inbox.deliver", ()),)] * woken
        Delivery.objects.filter(state="sending").update(state="sent", lease_until=None)


def test_half_of_the_threads_are_for_those_that_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("channels_inbox.gates.hands.time", clock)
    hands, done = Hands(slow_after=1, most_slow=2), threading.Event()
    both = threading.Barrier(3)

    def hold() -> None:
        with hands.busy():
            both.wait(PATIENCE)
            done.wait(PATIENCE)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    both.wait(PATIENCE)
    now[0] = 0.9
    assert not hands.too_slow
    now[0] = 1.1
    assert hands.too_slow
    done.set()
    for thread in threads:
        thread.join()
    assert not hands.too_slow


# In


def work(rounds: int = 1) -> None:
    for _round in range(rounds):
        now = database_now()
        Item.objects.filter(state="waiting", next_at__gt=now).update(next_at=now)
        Gate.objects.update(in_probe_at=database_now())
        receive.process_waiting("fast")


def texts() -> list[str]:
    found = Entry.objects.filter(kind=Kind.MESSAGE, direction="in").order_by("at")
    return list(found.values_list("text", flat=True))


def test_when_nothing_can_be_read_it_is_held_and_goes_on_with_a_sound_build(loft: Inbox) -> None:
    Doves.reads = False
    for number in range(30):
        comes(loft, f"d{number % 10}", f"{number:02}")
    work(30)
    assert gate().in_shut_at is not None
    assert set(Item.objects.values_list("state", flat=True)) == {"waiting"}
    [told] = notices(Account.objects.select_related("inbox__gate").get(inbox=loft))
    assert "RuntimeError" in told
    Doves.reads = True
    work(2)
    assert gate().in_shut_at is None
    assert sorted(texts()) == [f"{number:02}" for number in range(30)]


def test_other_inboxes_go_on_meanwhile(loft: Inbox, cast: Cast) -> None:
    other = make_inbox(cast.support, kind="pigeon", address="loft 2")
    accounts.connect(other, {}, {"ring": "eight"})
    Doves.poison = "bad"
    for number in range(6):
        comes(loft, f"d{number}", "bad")
    work(12)
    assert into.is_held(loft.pk)
    comes(other, "grey", "Coo")
    receive.process_waiting("fast")
    assert texts() == ["Coo"]


def test_poison_among_sound_messages_ends_dead(loft: Inbox) -> None:
    Doves.poison = "bad"
    comes(loft, "crow", "bad")
    for number in range(9):
        comes(loft, f"d{number}", f"{number}")
        work()
    assert Item.objects.get(state="dead").attempts == receive.MAX_ATTEMPTS
    assert len(texts()) == 9
    assert not into.is_held(loft.pk)


def test_poison_fails_alone_among_those_that_are_claimed_together(loft: Inbox) -> None:
    Doves.poison = "bad"
    for number in range(4):
        comes(loft, f"d{number}", "bad" if number == 1 else f"{number}")
    receive.process_waiting("fast", seconds=0)
    assert sorted(texts()) == ["0", "2", "3"]
    assert set(Item.objects.values_list("lease_epoch", "attempts")) == {(1, 0), (1, 1)}


def test_poison_can_not_hold_what_is_sound_for_ever(loft: Inbox) -> None:
    Doves.poison = "bad"
    for number in range(6):
        comes(loft, f"crow{number}", "bad")
    work(12)
    assert into.is_held(loft.pk)
    comes(loft, "grey", "Coo")
    work(2)
    assert texts() == ["Coo"]
    assert not into.is_held(loft.pk)


def test_of_a_batch_nobody_could_read_nothing_is_lost(loft: Inbox) -> None:
    Doves.reads = False
    rows = [dove("grey", "1", "One"), dove("grey", "2", "Two"), dove("red", "3", "Three")]
    receive.keep(loft, Raw("hook", "batch", json.dumps(rows).encode()))
    work()
    assert Item.objects.count() == 1
    Doves.reads = True
    work(2)
    assert sorted(texts()) == ["One", "Three", "Two"]


def test_a_gate_is_taken_by_whoever_comes_first(loft: Inbox) -> None:
    out.allow(loft, 1)
    Gate.objects.update(tokens=1, filled_at=database_now())
    assert [out.take(loft), out.take(loft)] == [True, False]


def test_a_probe_is_asked_by_one_worker(loft: Inbox) -> None:
    Gate.objects.create(
        inbox=loft, shut_at=database_now(), probe_at=database_now() - timedelta(seconds=1)
    )
    Doves.is_down = True
    assert (out.probe_due(), out.probe_due()) == (1, 0)
    with pytest.raises(ConnectError):
        Doves().introduce(Account.objects.get(inbox=loft))
