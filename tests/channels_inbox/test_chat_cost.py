"""How often each door of a chat asks the database. A crowd knocks there: each question counts."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_inbox.chat import visitors
from conversations.models import Ticket
from tests.builders import answer, newest_of
from tests.channels_inbox.chatting import Visitor, make_chat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Inbox
    from tests.builders import Cast

# Nested: with tests' own transaction around, each of our own is a savepoint, which asks twice more.
pytestmark = pytest.mark.django_db(transaction=True)

# Which chat it is, asked once a second.
THE_CHAT: Final = 'SELECT "channels_inbox_account"'


@pytest.fixture
def chat(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    # However long a test takes: a sign of life asks twice more.
    monkeypatch.setattr(visitors, "SIGN_OF_LIFE", timedelta(hours=1))
    chat = make_chat(cast.support)
    Visitor(chat).begin()
    return chat


@contextmanager
def asking(most: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as asked:
        yield
    told = [one["sql"][:120] for one in asked if not one["sql"].startswith(THE_CHAT)]
    assert len(told) <= most, "\n".join(told)


def test_a_strangers_window(chat: Inbox) -> None:
    kim = Visitor(chat)
    with asking(2):  # the clock; the row
        kim.begin(language="vi", page="https://shop.example/lamps")
    with asking(1):  # who it is
        kim.since()
    with asking(2):  # who it is; keep
        kim.send()


def test_the_window_of_somebody_known(chat: Inbox, cast: Cast) -> None:
    kim = Visitor(chat)
    kim.begin()
    kim.say()
    ticket = Ticket.objects.get()
    answer(ticket, by=cast.alice, inbox=chat, to=newest_of(ticket).identity)
    with asking(4):  # who; seen so far; where the stream is; addresses
        rev = kim.begin()["rev"]
    kim.since()
    with asking(4):  # who; the stream; seen by us; addresses
        assert kim.since(rev)["entries"] == []
    with asking(6):  # the same; entries; their files
        assert len(kim.since()["entries"]) == 2
    with asking(2):  # who; keep
        kim.send()
    kim.post("seen", rev=rev)
    with asking(5):  # who; the stream; what is read; its identities; deliveries
        kim.post("seen", rev=rev)
