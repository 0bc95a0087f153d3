"""What a visitor's window is told: never a note, an event, a mail, another one's message, a number of
ours (T19). Random conversations, read as the window reads them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from channels_inbox.chat import visitors
from conversations import merges, replies, tickets
from conversations.models import Conversation, Entry, Identity, Merge, Ticket
from conversations.thread import locked
from tests.builders import answer, head_of, make_cast, write_in
from tests.channels_inbox.chatting import Visitor, make_chat, new_secret, sign

if TYPE_CHECKING:
    from conversations.models import Inbox
    from tests.builders import Cast

pytestmark = pytest.mark.django_db

ENTRY = {
    "id",
    "token",
    "from",
    "name",
    "text",
    "html",
    "at",
    "rev",
    "withdrawn",
    "assistant",
    "choices",
    "files",
}
ANSWER = {"rev", "reset", "more", "entries", "earlier", "seen_by_us", "ask_email"}
SESSION = {"token", "rev", "name", "email", "signed", "seen", "settings"}
# Each kind of thing carries its own word, so that a leak names itself.
HIDDEN = ("NOTE", "MAIL", "EVENT", "SUBJECT")


@dataclass
class Window:
    """A visitor with the model its panel keeps: entries by id, and a cursor."""

    name: str
    visitor: Visitor
    rev: int = 0
    model: dict[str, dict[str, Any]] = field(default_factory=dict)

    def catch_up(self) -> None:
        while True:
            told = self.visitor.since(self.rev)
            assert set(told) == ANSWER
            if told["reset"] or self.rev == 0:
                self.model = {}
            if told["reset"]:
                self.rev = 0
                if not told["rev"]:
                    return
                continue
            self.model |= {row["id"]: row for row in told["entries"]}
            self.rev = told["rev"]
            if not told["more"]:
                return


@dataclass
class World:
    """A desk with one mail customer and three windows: a stranger, a user, and a second device."""

    cast: Cast
    chat: Inbox
    secret: str
    windows: list[Window]
    spoken: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def begin(cls) -> World:
        cast = make_cast()
        chat = make_chat(cast.support)
        secret = new_secret(chat)
        signed = sign(chat, secret, "kim", email="kim@example.org", email_verified=True)
        windows = [
            Window("stranger", Visitor(chat)),
            Window("user", Visitor(chat, signed=signed)),
            Window("device", Visitor(chat, signed=signed)),
            Window("other", Visitor(chat, signed=sign(chat, secret, "lee"))),
        ]
        for window in windows:
            assert set(window.visitor.begin()) == SESSION
        return cls(cast, chat, secret, windows)

    def any_ticket(self, number: int) -> Ticket | None:
        rows = list(Ticket.objects.order_by("pk"))
        return rows[number % len(rows)] if rows else None

    def say(self, number: int) -> None:
        window = self.windows[number % 4]
        window.visitor.say(f"{window.name} says {number}", name=window.name)

    def answer(self, number: int) -> None:
        rows = list(Identity.objects.filter(kind="chat").order_by("pk"))
        if rows:
            to = rows[number % len(rows)]
            ticket = Ticket.objects.filter(conversation=to.conversation_id).first()
            assert ticket is not None
            answer(ticket, by=self.cast.alice, inbox=self.chat, to=to, text=f"To {to.value}.")

    def note(self, number: int) -> None:
        if ticket := self.any_ticket(number):
            token = uuid.uuid4()
            replies.note(ticket, by=self.cast.bob, text=f"NOTE {number}", client_token=token)

    def mail_in(self, number: int) -> None:
        write_in(self.cast.inbox, "kim@example.org", text=f"MAIL {number}", subject="SUBJECT")

    def mail_out(self, number: int) -> None:
        to = Identity.objects.filter(kind="email").first()
        ticket = Ticket.objects.filter(conversation=to.conversation_id).first() if to else None
        if to and ticket:
            answer(ticket, by=self.cast.bob, inbox=self.cast.inbox, to=to, text=f"MAIL {number}")

    def event(self, number: int) -> None:
        if ticket := self.any_ticket(number):
            tickets.rename(ticket, subject=f"SUBJECT EVENT {number}", by=self.cast.alice)
            (tickets.resolve if number % 2 else tickets.reopen)(ticket, by=self.cast.alice)

    def withdraw(self, number: int) -> None:
        rows = list(Entry.objects.filter(kind="message", direction="out").order_by("pk"))
        if rows:
            row = rows[number % len(rows)]
            with locked(row.origin_id) as thread:
                row.refresh_from_db()
                row.withdrawn_at = thread.now
                thread.stamp(row, "withdrawn_at")

    def sign_in(self, number: int) -> None:
        """The stranger turns out to be Kim."""
        self.windows[0].visitor.signed = self.windows[1].visitor.signed
        self.windows[0].visitor.begin()

    def join(self, number: int) -> None:
        rows = list(Conversation.objects.live().order_by("pk"))
        if len(rows) > 1:
            first, second = rows[number % len(rows)], rows[(number + 1) % len(rows)]
            merges.merge(first, second, by=self.cast.alice, reason="The same, I think")

    def part(self, number: int) -> None:
        rows = list(Merge.objects.filter(undone_at=None).order_by("pk"))
        if rows:
            merges.undo(rows[number % len(rows)], by=self.cast.alice)

    def seen(self, number: int) -> None:
        self.windows[number % 4].visitor.post("seen", rev=number)


ACTS: dict[str, Callable[[World, int], None]] = {
    name: getattr(World, name)
    for name in (
        *("say", "say", "say", "answer", "answer", "note", "mail_in", "mail_out", "event"),
        *("withdraw", "sign_in", "join", "part", "seen"),
    )
}
UNSEEN = {"note", "mail_in", "mail_out", "event", "join", "seen"}
steps = st.lists(
    st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 30)), min_size=4, max_size=16
)


def own_of(window: Window) -> set[str]:
    """Texts that this window may show, as the database has them: of its identity's stream."""
    row = window.visitor
    found = visitors.find(row.inbox, row.token)
    assert found is not None
    if found.identity is None:
        return set()
    stream = found.identity.stream_key
    family = [
        one.pk
        for one in Identity.objects.filter(kind="chat")
        if one.stream_key == stream and one.conversation_id == found.identity.conversation_id
    ]
    entries = Entry.objects.filter(identity__in=family, kind="message")
    return {"" if one.withdrawn_at else one.text for one in entries}


def numbers_in(told: object, path: str = "") -> list[tuple[str, int]]:
    """Every whole number of an answer, with the name it has there."""
    if isinstance(told, dict):
        return [pair for name, one in told.items() for pair in numbers_in(one, name)]
    if isinstance(told, list):
        return [pair for one in told for pair in numbers_in(one, path)]
    if isinstance(told, int) and not isinstance(told, bool):
        return [(path, told)]
    return []


def check(world: World) -> None:
    for window in world.windows:
        window.catch_up()
        fresh = window.visitor.since()
        text = json.dumps(fresh)
        assert not any(word in text for word in HIDDEN), text
        for row in fresh["entries"]:
            assert set(row) == ENTRY
            assert str(uuid.UUID(row["id"])) == row["id"]
        assert {name for name, _ in numbers_in(fresh)} <= {"rev", "seen_by_us"}
        assert {row["text"] for row in fresh["entries"]} == own_of(window)
        # What was caught up with is what a fresh page shows.
        assert {row["id"]: row for row in fresh["entries"]} == window.model
        assert len({row["rev"] for row in fresh["entries"]}) == len(fresh["entries"])


def run(acts: list[tuple[str, int]]) -> None:
    world = World.begin()
    for name, number in acts:
        before = list(Identity.objects.order_by("pk").values_list("public_rev", flat=True))
        ACTS[name](world, number)
        if name in UNSEEN:
            # No bell and no number for what isn't shown: not even that it happened is told.
            after = Identity.objects.order_by("pk").values_list("public_rev", flat=True)
            assert before == list(after)[: len(before)], name
        world.windows[number % 4].catch_up()
    check(world)


def in_a_world_of_its_own(acts: list[tuple[str, int]]) -> None:
    point = transaction.savepoint()
    try:
        run(acts)
    finally:
        transaction.savepoint_rollback(point)


GATE = settings(
    max_examples=8,
    deadline=None,
    database=None,
    derandomize=True,
    print_blob=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FULL = settings(GATE, max_examples=1000, derandomize=False, phases=list(Phase))


@GATE
@given(steps)
def test_a_window_is_told_its_own_messages_and_nothing_else(acts: list[tuple[str, int]]) -> None:
    in_a_world_of_its_own(acts)


@pytest.mark.full
@FULL
@given(steps)
def test_a_window_is_told_nothing_else_in_a_thousand_conversations(
    acts: list[tuple[str, int]],
) -> None:
    in_a_world_of_its_own(acts)


def test_no_number_of_ours_is_in_any_answer(cast: Cast) -> None:
    """Counters far apart, so that one of ours could not be there by chance."""
    for _ in range(7):
        write_in(cast.inbox, "kim@example.org")
    chat = make_chat(cast.support)
    kim = Visitor(chat)
    kim.begin()
    kim.say()
    entry = Entry.objects.get(inbox=chat, kind="message")
    assert entry.identity is not None
    answer(Ticket.objects.get(pk=entry.ticket_id), by=cast.alice, inbox=chat, to=entry.identity)
    told = [kim.begin(), kim.since()]
    ours = {
        entry.pk,
        entry.ticket_id,
        entry.conversation_id,
        entry.identity_id,
        head_of(entry.conversation_id),
        entry.inbox_id,
    } - {1, 2}
    found = {number for answered in told for _name, number in numbers_in(answered)}
    assert not ours & found - {0}
    for answered in told:
        assert "ticket" not in json.dumps(answered)
