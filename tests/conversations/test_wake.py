"""Wake-ups of a flood: the first at once, then few, and one after the last."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import pytest
import redis
from django.conf import settings

from conversations import exports
from conversations.models import Role
from conversations.wake import BURST, PAUSE_SECONDS, Pace, Waker
from tests.builders import make_agent, make_ticket
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_django import DjangoCaptureOnCommitCallbacks

    from tests.builders import Cast

QUEUE = "slow"


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete(f"{settings.REDIS_PREFIX}:{QUEUE}")
        yield broker
        broker.delete(f"{settings.REDIS_PREFIX}:{QUEUE}")


def sent(broker: redis.Redis, task: str) -> int:
    waiting = broker.lrange(f"{settings.REDIS_PREFIX}:{QUEUE}", 0, -1)
    return sum(task.encode() in message for message in waiting)


def reach(broker: redis.Redis, task: str, count: int) -> None:
    until(lambda: sent(broker, task) >= count)


def test_a_flood_of_one_wake_up_becomes_a_few(broker: redis.Redis) -> None:
    task, waker, began = f"test.{uuid.uuid4().hex}", Waker(), time.monotonic()
    waker.ask((QUEUE, task, ()))
    # What is asked for before the first one went is the same as that one.
    reach(broker, task, 1)
    ends = time.monotonic() + PAUSE_SECONDS * 10
    waker.ask((QUEUE, task, ()))
    while time.monotonic() < ends:
        time.sleep(0.0005)
        waker.ask((QUEUE, task, ()))
    # How many more there are is a matter of how fast the broker takes them.
    reach(broker, task, 2)
    assert sent(broker, task) <= (time.monotonic() - began) / PAUSE_SECONDS + BURST


def waited(moments: Iterable[float]) -> list[float]:
    """How long a wake-up asked for at each of these moments waits for its turn, one by one."""
    pace, wake = Pace(), (QUEUE, "test", ())
    waits = []
    for moment in moments:
        goes = max(moment, pace.rests_until(wake))
        pace.went(wake, goes)
        waits.append(goes - moment)
    return waits


def test_one_that_was_late_makes_no_other_late() -> None:
    late = {7: 0.03, 31: 0.04}
    asked = [100 + number * PAUSE_SECONDS + late.get(number, 0.0) for number in range(60)]
    assert max(waited(asked)) < 0.001


def test_in_a_flood_one_goes_each_pause() -> None:
    waits = waited([100.0] * 50)
    assert max(waits[:BURST]) == 0
    assert waits[-1] == pytest.approx((50 - BURST) * PAUSE_SECONDS)


def test_what_is_asked_for_after_one_was_sent_is_sent_too(broker: redis.Redis) -> None:
    task, waker = f"test.{uuid.uuid4().hex}", Waker()
    for count in range(1, 5):
        waker.ask((QUEUE, task, ()))
        reach(broker, task, count)


def test_one_that_rests_holds_up_no_other(broker: redis.Redis) -> None:
    tasks, waker = [f"test.{uuid.uuid4().hex}" for _ in range(5)], Waker()
    for task in tasks:
        waker.ask((QUEUE, task, (1,)))
        waker.ask((QUEUE, task, (2,)))
    for task in tasks:
        reach(broker, task, 2)


@pytest.mark.django_db
def test_a_transcript_that_is_asked_for_is_made_now(
    broker: redis.Redis,
    cast: Cast,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    suri, ticket = make_agent("Suri", cast.billing, role=Role.SUPERVISOR), make_ticket(cast.inbox)
    with django_capture_on_commit_callbacks(execute=True):
        exports.ask(
            by=suri, format="html", with_notes=False, client_token=uuid.uuid4(), ticket=ticket
        )
    reach(broker, exports.TASK, 1)
