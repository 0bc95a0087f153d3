"""Threads for requests: so many and no more, each job once, connections given back."""

from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from helpdesk.crews import FOR_SOCKETS, Crew, Shares
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew("test", 2)
    yield crew
    crew.dismiss()


def test_so_many_work_at_once_and_the_others_wait(crew: Crew) -> None:
    at_work, most, lock, pair = 0, 0, threading.Lock(), threading.Barrier(2)

    def work(number: int) -> int:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        pair.wait(PATIENCE)
        time.sleep(0.02)
        with lock:
            at_work -= 1
        return number

    async def crowd() -> list[int]:
        return await asyncio.gather(*(crew.do(lambda n=n: work(n)) for n in range(10)))

    assert asyncio.run(crowd()) == list(range(10))
    assert most == 2


def test_what_nobody_waits_for_any_more_is_not_begun(crew: Crew) -> None:
    done, hold = list[str](), threading.Event()

    async def impatient() -> None:
        held = [asyncio.ensure_future(crew.do(lambda: hold.wait(30))) for _ in range(2)]
        late = asyncio.ensure_future(crew.do(lambda: done.append("late")))
        await asyncio.sleep(0.05)
        late.cancel()
        hold.set()
        await asyncio.gather(*held)
        await crew.do(lambda: done.append("next"))

    asyncio.run(impatient())
    assert done == ["next"]


def test_errors_and_what_is_known_of_the_request_travel(crew: Crew) -> None:
    async def ask() -> str:
        WHO.set("kim")
        await crew.do(lambda: WHO.set("changed in there"))
        with pytest.raises(ZeroDivisionError):
            await crew.do(lambda: 1 / 0)
        return await crew.do(WHO.get)

    assert asyncio.run(ask()) == "kim"
    assert asyncio.run(crew.do(WHO.get)) == "nobody"


def test_dismissed_it_ends_what_it_began_and_starts_again_when_needed(crew: Crew) -> None:
    assert asyncio.run(crew.do(lambda: 1)) == 1
    crew.dismiss()
    assert not [one for one in threading.enumerate() if one.name.startswith("test-")]
    assert asyncio.run(crew.do(lambda: 2)) == 2


def test_doors_and_sockets_keep_connections_from_pages() -> None:
    for pool in range(4, 40):
        shares = Shares.of(pool)
        assert shares.pages + shares.doors + FOR_SOCKETS == pool
        assert min(shares.pages, shares.doors) > 0
    assert Shares.of(1) == Shares(pages=1, doors=1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keeps", [True, False])
def test_a_connection_is_kept_while_there_is_work_and_given_back_after(
    keeps: bool,
) -> None:
    crew = Crew("keeping", 1, keeps=keeps, until_idle=3600)
    try:
        first, second = asyncio.run(crew.do(backend)), asyncio.run(crew.do(backend))
        assert (first == second) is keeps
        # From the next job on.
        crew.until_idle = 0.1
        third = asyncio.run(crew.do(backend))
        assert (second == third) is keeps
        until(lambda: not is_open(third))
    finally:
        crew.dismiss()


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_fails_once_and_is_replaced() -> None:
    crew = Crew("losing", 1, keeps=True, until_idle=3600)
    try:
        lost = asyncio.run(crew.do(backend))
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, %s)", [lost, int(PATIENCE * 1000)])
            assert cursor.fetchone() == (True,)
        with pytest.raises(Exception, match="terminat|closed|lost"):
            asyncio.run(crew.do(backend))
        assert asyncio.run(crew.do(backend)) != lost
    finally:
        crew.dismiss()


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
        return pid


def is_open(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
        count: int = cursor.fetchone()[0]
        return bool(count)
