"""Many at once at the doors of a chat: nothing twice, nothing lost, nothing of somebody else."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from channels_inbox import receive
from channels_inbox.chat import fallback
from channels_inbox.models import Envelope, Item
from channels_inbox.models import Visitor as Row
from conversations.models import Conversation, Delivery, Entry, Identity, Ticket
from tests.builders import answer
from tests.channels_inbox.chatting import Visitor, make_chat, new_secret, sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from conversations.models import Inbox
    from tests.builders import Cast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def chat(cast: Cast) -> Inbox:
    return make_chat(cast.support)


def at_once(work: Callable[[Any], Any], over: Iterable[Any], workers: int = 10) -> list[Any]:
    def one(thing: Any) -> Any:
        try:
            return work(thing)
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, over))


def work_all(workers: int = 4) -> None:
    at_once(lambda _number: receive.process_waiting("fast"), range(workers), workers)
    receive.process_waiting("fast")


def test_a_hundred_equal_posts_are_one_message(chat: Inbox) -> None:
    kim = Visitor(chat)
    kim.begin()
    token = str(uuid.uuid4())

    def post(number: int) -> int:
        window = Visitor(chat, token=kim.token)
        status: int = window.send(f"Try {number}", client_token=token).status_code
        return status

    assert at_once(post, range(100)) == [202] * 100
    work_all()
    assert Envelope.objects.count() == 1
    (row,) = kim.since()["entries"]
    assert row["token"] == token
    assert Entry.objects.filter(kind="message").count() == 1


def test_two_tabs_write_in_one_stream_without_a_gap(chat: Inbox) -> None:
    kim = Visitor(chat)
    kim.begin()

    def tab(number: int) -> None:
        window = Visitor(chat, token=kim.token)
        for part in range(10):
            window.send(f"{number}.{part}")

    at_once(tab, range(2), 2)
    work_all()
    told = kim.since()
    assert sorted(row["rev"] for row in told["entries"]) == list(range(1, 21))
    assert (told["rev"], Conversation.objects.count(), Ticket.objects.count()) == (20, 1, 1)
    for number in range(2):
        own = [row["text"] for row in told["entries"] if row["text"].startswith(f"{number}.")]
        assert own == [f"{number}.{part}" for part in range(10)]


def test_signing_in_everywhere_at_once_makes_one_customer(cast: Cast, chat: Inbox) -> None:
    """Six windows, four of which have written, sign in while their messages are being threaded."""
    signed = sign(chat, new_secret(chat), email="kim@example.org", email_verified=True)
    windows = [Visitor(chat) for _ in range(6)]
    for number, window in enumerate(windows):
        window.begin()
        if number < 4:
            window.send(f"Window {number}")
            window.signed = ""
    stop = threading.Event()

    def worker(_number: int) -> None:
        while not stop.is_set():
            receive.process_waiting("fast")
        connection.close()

    def enter(window: Visitor) -> None:
        for _ in range(3):
            answered = window.post("session", token=window.token, signed=signed)
            if answered.status_code == 200:
                window.token = answered.json()["token"]
                return

    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(worker, number) for number in range(2)]
        at_once(enter, windows, 6)
        for window in windows:
            window.send("Hello again")
        stop.set()
        for one in working:
            one.result()
    for _ in range(8):
        past = timezone.now() - timedelta(minutes=1)
        Item.objects.filter(state="waiting").update(next_at=past)
        receive.process_waiting("fast")
    assert not Item.objects.exclude(state="threaded").exists()
    assert Conversation.objects.live().count() == 1
    expected = sorted([f"Window {number}" for number in range(4)] + ["Hello again"] * 6)
    for window in windows:
        window.signed = signed
        window.begin()
        assert sorted(window.texts()) == expected
    assert {row.identity.value for row in Row.objects.all() if row.identity} == {"user:u1"}


def test_sweepers_at_once_mail_an_answer_once(cast: Cast, chat: Inbox) -> None:
    chat.goes_on_by = cast.inbox
    chat.save()
    kim = Visitor(
        chat, signed=sign(chat, new_secret(chat), email="kim@example.org", email_verified=True)
    )
    kim.begin()
    kim.say()
    identity = Identity.objects.get(kind="chat")
    for number in range(3):
        answer(Ticket.objects.get(), by=cast.alice, inbox=chat, to=identity, text=f"{number}")
    past = timezone.now() - timedelta(minutes=3)
    Identity.objects.update(here_at=past)
    Delivery.objects.update(look_at=past)
    at_once(lambda _number: fallback.take_on(), range(8), 8)
    mail = Entry.objects.get(direction="out", identity__kind="email")
    assert mail.text.startswith("0\n\n1\n\n2\n\n")
    assert Delivery.objects.filter(mailed_in=mail).count() == 3
