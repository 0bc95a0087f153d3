"""The socket of a chat window, and the read that waits, over real TCP."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from channels_inbox import receive
from channels_inbox.chat.consumer import VisitorSocket
from channels_inbox.models import Visitor as Row
from conversations import reading, replies, tickets
from conversations.models import Delivery, Identity, Ticket
from conversations.ringing import SENDER
from tests.builders import answer, head_of, make_cast, newest_of, write_in
from tests.channels_inbox.chatting import Visitor, make_chat
from tests.conversations.live import Page, Web, web
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Entry, Inbox
    from tests.builders import Cast

pytestmark = pytest.mark.django_db(transaction=True)


class Window(Page):
    """A visitor's open window: what its socket was told, in order."""

    def __init__(self, web: Web, visitor: Visitor, *, origin: str = "", key: str = "") -> None:
        web.pages.append(self)
        self.seen, self.kept = list[dict[str, Any]](), list[dict[str, Any]]()
        self.socket = connect(
            f"ws://{web.host}/ws/chat/{key or visitor.inbox.public_id}/",
            origin=Origin(origin or f"http://{web.host}"),
            compression=None,
            open_timeout=PATIENCE,
            legacy=True,
        )
        self.do("hello", token=visitor.token, rev=0)

    def settle(self) -> None:
        """Wait until all that was sent has been read: of one socket, one frame comes after the
        other."""
        self.do("beat")
        time.sleep(0.1)


@pytest.fixture(scope="module")
def running_web() -> Iterator[Web]:
    with pytest.MonkeyPatch.context() as patch, web() as running:
        patch.setattr(VisitorSocket, "hello_within", PATIENCE)
        yield running


@pytest.fixture
def running(running_web: Web) -> Iterator[Web]:
    yield running_web
    running_web.close_pages()


@pytest.fixture
def desk(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture
def chat(desk: Cast) -> Inbox:
    return make_chat(desk.support)


@pytest.fixture
def kim(chat: Inbox) -> Visitor:
    """A visitor who has written once, and whose bell for that no window hears any more."""
    visitor = Visitor(chat)
    visitor.begin()
    visitor.say()
    until(lambda: not (SENDER.waiting or SENDER.is_failing or SENDER._sending))
    return visitor


def reply(desk: Cast, chat: Inbox, text: str = "Here we are.") -> Entry:
    identity = Identity.objects.filter(kind="chat").latest("pk")
    ticket = Ticket.objects.filter(conversation=identity.conversation_id).latest("pk")
    sent = answer(ticket, by=desk.alice, inbox=chat, to=identity, text=text)
    return sent  # type: ignore[return-value]


def test_a_window_hears_of_an_answer(desk: Cast, chat: Inbox, kim: Visitor, running: Web) -> None:
    window = Window(running, kim)
    assert window.hear("ready") == {"is": "ready", "rev": 1}
    reply(desk, chat)
    assert window.hear("bell") == {"is": "bell", "rev": 2}
    window.do("seen", rev=2)
    until(lambda: Delivery.objects.get().state == "read")


def test_a_window_that_never_wrote_hears_of_its_first_message(chat: Inbox, running: Web) -> None:
    lee = Visitor(chat)
    lee.begin()
    window = Window(running, lee)
    assert window.hear("ready")["rev"] == 0
    lee.say("The first one")
    assert window.hear("bell", rev=1)


def test_what_a_visitor_may_not_see_rings_no_bell(
    desk: Cast, chat: Inbox, kim: Visitor, running: Web
) -> None:
    other = Visitor(chat)
    other.begin()
    window = Window(running, kim)
    window.hear("ready")
    ticket = Ticket.objects.get()
    replies.note(ticket, by=desk.bob, text="Secret", client_token=uuid.uuid4())
    tickets.rename(ticket, subject="Secret", by=desk.alice)
    tickets.resolve(ticket, by=desk.alice)
    write_in(desk.inbox, "lee@example.org")
    other.say("Not for Kim")
    assert window.hears_nothing("bell", "seen", "typing")


@pytest.mark.parametrize("wrong", ["", "x", "of another chat"])
def test_without_the_token_it_is_closed(
    desk: Cast, chat: Inbox, kim: Visitor, running: Web, wrong: str
) -> None:
    key = ""
    if wrong == "of another chat":
        key = make_chat(desk.billing, "Other").public_id
    stranger = Visitor(chat, token=kim.token if key else wrong)
    assert Window(running, stranger, key=key).ended() == 4401


def test_whose_window_has_ended_is_told_at_the_next_beat(kim: Visitor, running: Web) -> None:
    window = Window(running, kim)
    window.hear("ready")
    Row.objects.update(ended_at="2020-01-01T00:00Z")
    running.beat()
    assert window.ended() == 4401


@pytest.mark.parametrize(
    "frame",
    [
        "[]",
        "{}",
        "x",
        '{"do": "watch", "conversation": 1, "head": 0}',
        '{"do": "typing", "on": 1}',
        '{"do": "seen", "rev": -1}',
        '{"do": "seen", "rev": "1"}',
        '{"do": "beat", "more": true}',
        json.dumps({"do": "hello", "token": "x" * 5000, "rev": 0}),
    ],
)
def test_odd_frames_end_it(kim: Visitor, running: Web, frame: str) -> None:
    window = Window(running, kim)
    window.hear("ready")
    window.socket.send(frame)
    assert window.ended() == 4400


def test_nothing_is_done_before_hello(chat: Inbox, kim: Visitor, running: Web) -> None:
    window = Window(running, kim)
    window.hear("ready")
    early = connect(
        f"ws://{running.host}/ws/chat/{chat.public_id}/",
        origin=Origin(f"http://{running.host}"),
        open_timeout=PATIENCE,
        legacy=True,
    )
    early.send(json.dumps({"do": "typing", "on": True}))
    window.socket, early = early, window.socket
    assert window.ended() == 4401
    early.close()


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_other_origins_are_refused_before_it_opens(kim: Visitor, running: Web, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Window(running, kim, origin=origin)
    running.pages = []
    assert refused.value.response.status_code == 403


def test_typing_goes_both_ways_and_notes_show_nothing(
    desk: Cast, chat: Inbox, kim: Visitor, running: Web
) -> None:
    ticket = Ticket.objects.get()
    pk = ticket.conversation_id
    page = Page.of(running, desk.alice)
    page.watch(pk, head_of(pk))
    window = Window(running, kim)
    window.hear("ready")
    assert page.hear("customer", here=True)
    window.do("typing", on=True)
    assert page.hear("customer", typing=True)
    page.do("typing", conversation=pk, mode="note", on=True)
    page.settle()
    assert window.hears_nothing("typing")
    page.do("typing", conversation=pk, mode="reply", on=True)
    told = window.hear("typing")
    assert (told["name"], told["on"]) == ("Alice", True)
    window.do("here", on=False)
    assert page.hear("customer", here=False)


def test_the_pulse_is_the_sign_of_life(kim: Visitor, running: Web) -> None:
    window = Window(running, kim)
    window.hear("ready")
    Identity.objects.update(here_at="2020-01-01T00:00Z")
    running.beat()
    assert window.hear("beat")["rev"] == 1
    until(lambda: Identity.objects.filter(here_at__gt="2021-01-01T00:00Z").exists())


def test_a_window_learns_that_its_message_was_on_an_agents_screen(
    desk: Cast, kim: Visitor, running: Web
) -> None:
    window = Window(running, kim)
    window.hear("ready")
    assert kim.since()["seen_by_us"] == 0
    ticket = Ticket.objects.select_related("conversation").get()
    reading.mark_read(ticket.conversation, {ticket.pk: newest_of(ticket).at}, by=desk.alice)
    assert window.hear("seen") == {"is": "seen", "rev": 1}
    assert kim.since()["seen_by_us"] == 1


class Waited:
    """A read that waits, in a thread of its own."""

    def __init__(self, web: Web, visitor: Visitor, rev: int, wait: int = 20) -> None:
        path = f"http://{web.host}{visitor.path('since')}?rev={rev}&wait={wait}"
        self.request = urllib.request.Request(path, headers=visitor.headers)
        self.told: dict[str, Any] = {}
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()

    def _ask(self) -> None:
        with urllib.request.urlopen(self.request, timeout=30) as answered:
            self.told = json.loads(answered.read())

    def answer(self, within: float = 30) -> dict[str, Any]:
        self.thread.join(within)
        assert not self.thread.is_alive(), "still waiting"
        return self.told


def test_a_read_waits_for_news_and_answers_at_once_where_there_is_some(
    desk: Cast, chat: Inbox, kim: Visitor, running: Web
) -> None:
    assert Waited(running, kim, 0).answer()["rev"] == 1
    waiting = Waited(running, kim, 1)
    until(lambda: running.hub.members)
    time.sleep(0.3)
    assert waiting.thread.is_alive()
    reply(desk, chat)
    assert [row["text"] for row in waiting.answer()["entries"]] == ["Here we are."]
    assert Waited(running, kim, 2, wait=1).answer()["entries"] == []


def test_a_read_of_a_window_that_never_wrote_waits_for_its_first_message(
    chat: Inbox, running: Web
) -> None:
    lee = Visitor(chat)
    lee.begin()
    waiting = Waited(running, lee, 0)
    until(lambda: running.hub.members)
    time.sleep(0.3)
    lee.send("The first one")
    receive.process_waiting("fast")
    assert [row["text"] for row in waiting.answer()["entries"]] == ["The first one"]
