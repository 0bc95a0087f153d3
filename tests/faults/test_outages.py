"""Single faults, each with what has to hold while it lasts and after it."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.faults import ledger
from tests.faults.console import Console
from tests.faults.desk import ends_of, entries_of, rows, until
from tests.faults.plan import Plan
from tests.faults.run import program
from tests.faults.stand import SECOND_SLOW
from tests.faults.test_repeats import digest, mail, post_all

if TYPE_CHECKING:
    from tests.faults.stand import Stand

SLOW_WORKERS = ("worker-slow", SECOND_SLOW)
WHOLE = Plan(busy=0.0, breaks_after_dot=0.0, breaks_before_dot=0.0, answers_after=12.0)
"""A provider that loses no connection, and thinks before it answers: for less than a lease, and long
enough to freeze who waits for it."""


@pytest.mark.full
def test_without_valkey_mails_are_kept_and_pages_answer(stand: Stand) -> None:
    letters = [mail(910_000 + number, f"valkey{number}") for number in range(30)]
    stand.kill("valkey")
    try:
        assert set(post_all(stand, [("one", letter.raw) for letter in letters])) == {202}
        with httpx.Client(base_url=stand.place.address, timeout=10) as browser:
            assert browser.get("/account/login/").status_code == 200
            assert browser.get("/readyz").json()["status"] == "degraded"
        time.sleep(10)
    finally:
        stand.start("valkey")
    digests = [digest(letter.raw) for letter in letters]
    until(lambda: ends_of(stand, digests) == ["threaded"] * 30, seconds=60)


@pytest.mark.full
def test_without_postgresql_no_mail_is_accepted(stand: Stand) -> None:
    letters = [mail(920_000 + number, f"postgres{number}") for number in range(20)]
    calls = [("one", letter.raw) for letter in letters]
    stand.kill("postgres")
    try:
        assert set(post_all(stand, calls)) == {503}
    finally:
        stand.start("postgres")
    until(lambda: set(post_all(stand, calls)) <= {200, 202}, seconds=30)
    digests = [digest(letter.raw) for letter in letters]
    until(lambda: ends_of(stand, digests) == ["threaded"] * 20)


@pytest.mark.parametrize("past", [1.0, pytest.param(90.0, marks=pytest.mark.full)])
def test_a_frozen_sender_that_wakes_up_writes_nothing(stand: Stand, past: float) -> None:
    """F27. The provider took the mail while its worker was frozen past the lease, by so many
    seconds. The desk calls it ambiguous; the worker's own late word is refused, and nobody sends it
    again."""
    number = 930_000 + round(past)
    letter, text = mail(number, f"frozen{number}"), f"This is reply-{number}."
    post_all(stand, [("one", letter.raw)])
    until(lambda: entries_of(stand, letter.mark))
    with program("sink", stand, WHOLE):
        _reply(stand, letter.sender, text)
        until(lambda: _took(stand, number))
        for worker in SLOW_WORKERS:
            stand.freeze(worker)
        try:
            until(lambda: _state(stand, text) == "ambiguous")
            time.sleep(past)
        finally:
            for worker in SLOW_WORKERS:
                stand.thaw(worker)
        time.sleep(8)
    assert _state(stand, text) == "ambiguous"
    assert len(_took(stand, number)) == 1


@pytest.mark.full
def test_an_item_of_a_frozen_worker_is_threaded_by_another_once(stand: Stand) -> None:
    """Frozen while it holds an item, then awake again after another worker has done it."""
    letters = [mail(940_000 + number, f"ice{number}") for number in range(60)]
    digests = [digest(letter.raw) for letter in letters]
    post_all(stand, [("one", letter.raw) for letter in letters])
    stand.freeze("worker-slow")
    try:
        until(lambda: ends_of(stand, digests) == ["threaded"] * 60, seconds=60)
    finally:
        stand.thaw("worker-slow")
    time.sleep(3)
    assert all(len(entries_of(stand, letter.mark)) == 1 for letter in letters)


def _reply(stand: Stand, sender: str, text: str) -> None:
    """As the agent, by the form of the page."""
    [(conversation, ticket)] = rows(
        stand,
        "SELECT t.conversation_id, t.id FROM conversations_ticket t JOIN conversations_identity i"
        " ON i.conversation_id = t.conversation_id WHERE i.value = %s",
        sender,
    )
    console, token = Console(stand.place.address), uuid.uuid4()
    until(lambda: console.reply(conversation, ticket, text, token) == "ok")


def _took(stand: Stand, number: int) -> list[dict[str, Any]]:
    """What the sink has taken of a reply."""
    seen = [fact for fact in ledger.read(stand.place.ledger_out) if fact["what"] == "took"]
    return [fact for fact in seen if fact["mark"] == f"reply-{number}"]


def _state(stand: Stand, text: str) -> str:
    [(state,)] = rows(
        stand,
        "SELECT d.state FROM conversations_delivery d JOIN conversations_entry e"
        " ON e.id = d.entry_id WHERE e.text = %s",
        text,
    )
    return str(state)
