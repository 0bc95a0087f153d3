"""Hearing at once where nobody calls: a question that stands, asked by one process."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from channels_inbox import accounts, hearing, pulling
from channels_inbox.models import Account, Envelope
from conversations.models import Inbox
from helpdesk.sandbox.telegram import TOKEN, TelegramSandbox
from tests.builders import make_inbox
from tests.patience import PATIENCE, until, wait_for_a_holder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.builders import Cast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def telegram() -> Iterator[TelegramSandbox]:
    with TelegramSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def inbox(cast: Cast, telegram: TelegramSandbox) -> Inbox:
    inbox = make_inbox(cast.support, kind="telegram", address="@lamps_bot")
    accounts.connect(inbox, {"way": "poll", "base_url": telegram.url}, {"token": TOKEN})
    return inbox


@pytest.fixture(autouse=True)
def _questions_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until there is news: none ends by itself while a test looks."""
    monkeypatch.setattr("channels_inbox.telegram.pull.HOLD_SECONDS", int(PATIENCE))


@pytest.fixture
def listening(telegram: TelegramSandbox, inbox: Inbox) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=hearing.run, args=(stop,))
    thread.start()
    yield thread
    stop.set()
    thread.join(PATIENCE)
    answer_what_stands(telegram)
    connection.close()


def answer_what_stands(telegram: TelegramSandbox) -> None:
    """So that nobody who heard is left."""
    telegram.says("Goodbye")
    until(lambda: not [one for one in threading.enumerate() if one.name.startswith("ear-")])


def has_asked(telegram: TelegramSandbox, count: int) -> bool:
    return telegram.asked == ["POST /bot" + TOKEN + "/getUpdates"] * count


def kept(inbox: Inbox, count: int) -> bool:
    return Envelope.objects.filter(inbox=inbox).count() == count


def test_what_is_written_is_here_at_once(
    telegram: TelegramSandbox, inbox: Inbox, listening: threading.Thread
) -> None:
    for number in range(3):
        # One question stands; each message before was the answer to one.
        until(partial(has_asked, telegram, number + 1))
        telegram.says(f"Hello {number}")
        until(partial(kept, inbox, number + 1))
        assert len(telegram.asked) <= number + 2
    until(lambda: not telegram.waiting)
    account = Account.objects.get(inbox=inbox)
    assert (account.error_code, account.cursor["offset"] > 0) == ("", True)


def test_nobody_else_asks_meanwhile(
    telegram: TelegramSandbox, inbox: Inbox, listening: threading.Thread
) -> None:
    until(lambda: telegram.asked)
    assert pulling.pull(inbox.pk) is None
    assert inbox.pk not in pulling.due()


def test_two_processes_take_turns(inbox: Inbox, listening: threading.Thread) -> None:
    wait_for_a_holder()
    other = threading.Event()
    second = threading.Thread(target=hearing.run, args=(other,))
    second.start()
    second.join(30)
    assert not second.is_alive()
    assert listening.is_alive()


def test_what_is_called_is_not_asked(telegram: TelegramSandbox, inbox: Inbox, cast: Cast) -> None:
    accounts.connect(inbox, {"way": "hook", "base_url": telegram.url}, {"token": TOKEN})
    assert hearing._accounts() == []


def test_the_lease_is_let_go_when_it_ends(telegram: TelegramSandbox, inbox: Inbox) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=hearing.run, args=(stop,))
    thread.start()
    until(lambda: telegram.asked)
    stop.set()
    thread.join(30)
    assert Account.objects.get(inbox=inbox).lease_until is None
    answer_what_stands(telegram)
