"""The checks are worth something: each of these bugs, put in on purpose, is caught."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Q
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from conversations import (
    assignment,
    bots,
    deliveries,
    handoffs,
    intake,
    left_work,
    merges,
    offers,
    ownership,
    promised,
    promises,
    replies,
    senders,
    thread,
    tickets,
    timeline,
)
from conversations.models import (
    Agent,
    Attachment,
    Conversation,
    Delivery,
    Identity,
    Offer,
    Promise,
    Ticket,
)
from conversations.thread import SYSTEM
from tests import builders
from tests.conversations import promising
from tests.conversations.botting import acts, make_bot, taken
from tests.patience import wait_for_a_lock
from tests.properties import laws
from tests.properties.crew import failures, together
from tests.properties.retold import Step, retell, step
from tests.properties.storm import Storm, crossing
from tests.properties.test_machine import GATE, RolledBack

if TYPE_CHECKING:
    from conversations.timeline import Changes

racing = pytest.mark.django_db(transaction=True)
QUICK = settings(GATE, max_examples=200, phases=[Phase.generate], print_blob=False)


@racing
def test_the_head_read_after_the_rows() -> None:
    between = threading.Event()

    def head_read_last(
        conversation: Conversation, agent: Agent, head: int, *, limit: int = 200
    ) -> Changes:
        changes = timeline.since(conversation, agent, head, limit=limit)
        time.sleep(0.02)
        top = builders.head_of(conversation.pk)
        if changes.more or changes.reset:
            return changes
        if top > changes.head:
            between.set()
        return replace(changes, head=top)

    cast = builders.make_cast()
    storm = Storm(cast, 2, joiners=0, people=1, since=head_read_last, enough=between.is_set)
    assert any("is stale" in wrong for wrong in storm.blow())


def undo_under_a_waiting_writer() -> list[str]:
    """A writer waits for the conversation that its origin is leaving."""
    cast = builders.make_cast()
    one, two = (builders.make_ticket(cast.inbox, f"{name}@example.org") for name in "ab")
    builders.answer(two, by=cast.alice, inbox=cast.inbox, to=builders.identity_of("b@example.org"))
    (lease,) = deliveries.claim([cast.inbox.pk], 1)
    for _ in range(4):
        replies.note(one, by=cast.bob, text="grow", client_token=uuid.uuid4())
    row = merges.merge(one.conversation, two.conversation, by=cast.alice, reason="Same person")
    leaving = threading.Event()

    def undo() -> None:
        with transaction.atomic():
            merges.undo(row, by=cast.alice)
            leaving.set()
            wait_for_a_lock()

    def write() -> None:
        assert leaving.wait(30)
        deliveries.sent(lease, provider_id="<1@desk.example>")
        replies.note(two, by=cast.bob, text="late", client_token=uuid.uuid4())

    wrong = failures(together(undo, write))
    return [repr(each) for each in wrong] + [str(each) for each in laws.breaches().items()]


@racing
def test_a_writer_that_waited_finds_its_origin() -> None:
    assert undo_under_a_waiting_writer() == []


@racing
def test_the_origin_not_read_again_under_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "_still_there", lambda origin_id, live_id: True)
    assert undo_under_a_waiting_writer() != []


@racing
def test_a_plain_for_update(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = builders.make_cast()
    one, two = (builders.make_ticket(cast.inbox, f"{n}@example.org") for n in range(2))
    plain = thread.LOCK_LIVE.replace("FOR NO KEY UPDATE", "FOR UPDATE")
    monkeypatch.setattr(thread, "LOCK_LIVE", plain)
    assert crossing(one.conversation_id, two.conversation_id) == ["deadlock detected"]


@racing
def test_no_lock_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = builders.make_ticket(builders.make_cast().inbox)
    bare = thread.LOCK_LIVE.replace("FOR NO KEY UPDATE", "")
    monkeypatch.setattr(thread, "LOCK_LIVE", bare)
    alice = Agent.objects.get(name="Alice")

    def write() -> None:
        for _ in range(10):
            replies.note(ticket, by=alice, text="x", client_token=uuid.uuid4())

    assert failures(together(*[write] * 4)) or laws.breaches()


def an_unrecorded_stamp(self: thread.Thread, row: Any, *fields: str) -> None:
    row.save(update_fields=[*fields])


def a_forgetful_move(origins: list[int], where: Conversation) -> None:
    for model in (Identity, Ticket):
        model.objects.filter(origin__in=origins).update(conversation=where)
    Delivery.objects.filter(entry__origin__in=origins).update(conversation=where)
    Attachment.objects.filter(entry__origin__in=origins).update(conversation=where)


def an_expiry_that_frees_nobody(ticket: Any, *args: Any) -> None:
    """Waking forgets to arm the next deadline."""
    ticket.status, ticket.deadline_at = "open", None


def nobody_gets_it_back(thread: Any, ticket: Ticket, offer: Offer) -> None:
    """An offer that comes to nothing clears the owner."""
    if ticket.agent_id:
        team = offer.from_team
        ownership.apply(thread, ticket, "returned", by=SYSTEM, team=team, reason="expired")


Bug = tuple[Any, str, Any]
UNRECORDED: Bug = (thread.Thread, "stamp", an_unrecorded_stamp)
NO_HISTORY: Bug = (ownership, "_write_history", lambda *args: None)
ALL_IS_READ: Bug = (replies, "newer_than", lambda *args, **fields: Conversation.objects.none())
NOBODYS: Bug = (ownership, "give_back", nobody_gets_it_back)
FORGOTTEN: Bug = (promised, "rearm", lambda *args: None)
OLD_PLAN: Bug = (assignment, "_still_waits", lambda ticket, one: ticket.status == "open")
ASLEEP: Bug = (tickets, "_await_us", lambda thread, ticket: an_expiry_that_frees_nobody(ticket))

RENAMED = step("matter_changes", ticket=0, what="rename", settled="")
CROSSING = step("a_reply_crosses_a_message", ticket=0, agent=0)
RECALLED = step("offer_is_answered", which=0, agent=0, what="recall", late=False)
ASKED = step("customer_writes", sender="customer2@example.org", inbox=0, quiet=False, files=0)
GIVEN_LATE = step("what_waits_is_given", team=0, agent=1, between="take")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("bug", "story", "speaks"),
    [
        pytest.param(UNRECORDED, [RENAMED], "compare_pages", id="a change without a number"),
        pytest.param(NO_HISTORY, [], "laws_hold", id="no history"),
        pytest.param(ALL_IS_READ, [CROSSING], "a_reply_crosses_a_message", id="all is read"),
        pytest.param(NOBODYS, [RECALLED], "offer_is_answered", id="nobody gets it back"),
        pytest.param(FORGOTTEN, [], "laws_hold", id="a promise without a deadline"),
        pytest.param(OLD_PLAN, [ASKED, GIVEN_LATE], "what_waits_is_given", id="an old plan"),
        pytest.param(ASLEEP, [], "ticket_deadline_armed", id="awake without a deadline"),
    ],
)
def test_the_machine_catches(
    monkeypatch: pytest.MonkeyPatch, bug: Bug, story: list[Step], speaks: str
) -> None:
    """By a story in which it shows, and which is a lawful one without it: the rule, law or constraint
    that speaks first is the one meant."""
    retell(RolledBack, *story)
    monkeypatch.setattr(*bug)
    with pytest.raises((AssertionError, IntegrityError)) as found:
        retell(RolledBack, *story)
    assert speaks in [*(frame.name for frame in found.traceback), *str(found.value).split('"')]


@pytest.mark.full
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("where", "name", "bug"),
    [
        UNRECORDED,
        (merges, "_show_in", a_forgetful_move),
        (merges, "_branch", lambda home: [home]),
        NO_HISTORY,
        (ownership, "release_all", lambda *args, **fields: 0),
        ALL_IS_READ,
        NOBODYS,
        (offers, "withdraw", lambda *args, **fields: None),
        (offers, "IN_TIME", Q()),
        (handoffs, "_declined", lambda *args: False),
        (handoffs, "_somebody_left", lambda offer: True),
        (ownership, "_end_offer", lambda *args: None),
        (ownership, "end_offers", lambda *args, **told: None),
        FORGOTTEN,
        (promised, "settle", lambda *args, **fields: None),
        (promises, "_same", lambda before, due: Promise()),
        OLD_PLAN,
        (assignment, "_has_room", lambda *args: True),
        (left_work, "leave", lambda *args, **told: None),
        (bots, "_holds", lambda ticket, bot, epoch: ticket.bot_id is not None),
        ASLEEP,
    ],
)
def test_the_machine_comes_upon(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, bug: Any
) -> None:
    """By itself, whatever it tries."""
    monkeypatch.setattr(where, name, bug)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whichever law or constraint speaks first
        run_state_machine_as_test(RolledBack, settings=QUICK)


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["taken", "resolved"])
def test_an_offer_that_is_left_open_is_seen_at_once(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    cast = builders.make_cast()
    ticket = ownership.take(builders.make_ticket(cast.inbox), by=cast.alice, epoch=1)
    handoffs.offer(ticket, team=cast.support, agent=cast.bob, by=cast.alice, epoch=2)
    assert laws.breaches() == {}
    monkeypatch.setattr(offers, "withdraw", lambda *args, **fields: None)
    if how == "taken":
        ownership.take(ticket, by=cast.bob, epoch=2)
    else:
        tickets.resolve(ticket, by=cast.alice)
    assert "an offered ticket is unresolved and has the epoch it was offered at" in laws.breaches()


@pytest.mark.django_db
def test_a_promise_that_stays_when_its_message_moves_is_seen_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cast = builders.make_cast()
    entry = builders.write_in(cast.inbox)
    assert entry.ticket is not None
    promising.promised(entry.ticket, cast, entry=entry)
    assert laws.breaches() == {}
    monkeypatch.setattr(promised, "follow", lambda *args: False)
    tickets.move_entry(entry, to=None, by=cast.alice)
    assert list(laws.breaches()) == ["an open promise is where its message is"]


@pytest.mark.django_db
def test_a_bot_that_answers_without_looking_at_its_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = builders.make_cast()
    bot = make_bot(cast.inbox, fallback=cast.billing)
    ticket = taken(builders.make_ticket(cast.inbox), bot)
    epoch = ticket.owner_epoch
    ownership.take(ticket, by=cast.alice, epoch=epoch)
    bots.lend(ticket, to=bot, by=cast.alice, epoch=epoch + 1, goal="email")
    monkeypatch.setattr(bots, "_holds", lambda ticket, bot, epoch: ticket.bot_id == bot.pk)
    assert acts(ticket, bot, epoch=epoch)
    assert "a bot has answered only while it held the ticket" in laws.breaches()


@racing
def test_whoever_forgets_history_can_not_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = builders.make_ticket(builders.make_cast().inbox)
    alice = Agent.objects.get(name="Alice")
    monkeypatch.setattr(ownership, "_write_history", lambda *args: None)
    answers = together(partial(ownership.take, ticket, by=alice, epoch=1))
    assert "ticket_current_ownership" in str(failures(answers)[0])


@racing
def test_the_index_decides_what_is_a_duplicate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look beforehand the second one fails as a whole, and its item is tried again."""
    message = builders.inbound(builders.make_cast().inbox)
    look = senders.sender_of
    monkeypatch.setattr(
        senders, "sender_of", lambda *asked, **told: replace(look(*asked, **told), known=None)
    )
    answers = together(*[partial(intake.receive, message)] * 8)
    wrong = failures(answers)
    assert len(wrong) == 7
    assert all("arrival_" in str(error) for error in wrong)
    assert laws.breaches() == {}
