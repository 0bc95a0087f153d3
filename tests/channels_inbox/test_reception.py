"""A chat's assistant: what it makes of what visitors write, and how it hands over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone, translation

from channels_inbox.chat.config import ChatConfig
from channels_inbox.chat.reception import settings as reception
from channels_inbox.chat.reception import talk, words, work
from channels_inbox.chat.reception.settings import Reception
from channels_inbox.chat.reception.talk import Heard, Place
from conversations import bots, collecting, handoffs, ownership
from conversations.errors import StaleContext
from conversations.models import Customer, Entry, Identity, Offer, Stint, Ticket
from conversations.packets import Packet
from tests.builders import answer, head_of, make_ticket
from tests.channels_inbox.chatting import Visitor, make_chat

if TYPE_CHECKING:
    from conversations.bots import Act, Turn
    from conversations.models import Inbox
    from tests.builders import Cast

SUNDAY = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
RETURNS = {"words": "return, send back, trả hàng", "answer": "Within 30 days, for free."}
OPEN_ON_MONDAY = ("09:00-17:30", "", "", "", "", "", "")


def place(chat: ChatConfig | None = None, **settings: Any) -> Place:
    settings.setdefault("answers", (RETURNS,))
    return Place("Robin", "Lamps & Co", chat or ChatConfig(), Reception(**settings), SUNDAY)


def converse(*said: str, goal: str = "", at: Place | None = None) -> list[Act]:
    """All acts of a conversation in which the visitor says these, one after the other."""
    acts: list[Act] = []
    known: frozenset[str] = frozenset()
    memory: dict[str, Any] = {}
    for text in said:
        act = talk.answer(Heard(text, 1, memory, known, goal), at or place())
        acts.append(act)
        memory, known = act.memory, known | {found.name for found in act.collects}
    return acts


def values(acts: list[Act]) -> dict[str, str]:
    return {found.name: found.value for act in acts for found in act.collects}


def test_it_asks_for_order_and_email_and_passes_on() -> None:
    acts = converse("My lamp flickers.", "It is LX-10433", "kim@example.org")
    assert "I am Robin, the assistant of Lamps & Co." in acts[0].says
    assert "I am a program." in acts[0].says
    assert "What is your order number?" in acts[0].says
    assert acts[0].choices == ("I have none", "A person, please")
    assert "email address" in acts[1].says
    assert values(acts) == {"order_number": "LX-10433", "email": "kim@example.org"}
    assert [act.then for act in acts] == ["", "", "gives_up"]
    assert acts[2].why == "done"


def test_what_was_said_already_is_not_asked_for() -> None:
    acts = converse("Where is order 10433? Write to kim@example.org please")
    assert values(acts) == {"order_number": "10433", "email": "kim@example.org"}
    assert acts[0].then == "gives_up"
    acts = converse("Đơn hàng số 10433 của tôi đâu?")
    assert values(acts) == {"order_number": "10433"}
    assert "email" in acts[0].says


def test_who_has_none_is_asked_the_next() -> None:
    for none in ("I have none", "none", "không có", "khong co"):
        acts = converse("Hello", none, "Rather not")
        assert [act.then for act in acts] == ["", "", "gives_up"], none
        assert values(acts) == {}


def test_what_is_switched_off_is_not_asked() -> None:
    acts = converse("Hello", "a@example.org", at=place(ask_order=False))
    assert "email" in acts[0].says
    assert acts[1].then == "gives_up"
    (act,) = converse("Hello", at=place(ask_order=False, ask_email=False))
    assert act.then == "gives_up"


@pytest.mark.parametrize(
    "text",
    [
        "Can I talk to a human?",
        "agent!",
        "I want a real person",
        "is somebody there",
        "Representative please",
        "Cho tôi gặp nhân viên",
        "cho toi gap nhan vien",
        "Tôi muốn nói chuyện với người thật",
        "co nguoi khong",
        "gặp tư vấn viên",
        "tổng đài viên đâu",
    ],
)
def test_any_word_for_a_person_is_enough(text: str) -> None:
    for act in (converse(text)[-1], converse("Hello", text)[-1]):
        assert (act.then, act.why) == ("gives_up", "asked"), text
    lent = converse("", text, goal="email")
    assert (lent[-1].then, lent[-1].why) == ("gives_up", "asked")


@pytest.mark.parametrize(
    "text", ["My lamp is broken", "Đèn của tôi bị hỏng", "toi mua den hom qua"]
)
def test_other_words_are_not(text: str) -> None:
    assert converse(text)[0].then == ""


def test_not_understood_twice_is_passed_on() -> None:
    acts = converse("Hello", "hm?", "what")
    assert [act.then for act in acts] == ["", "", "gives_up"]
    assert acts[1].says.startswith("I could not read that.")
    assert acts[2].why == "not_understood"


def test_a_ready_made_answer_says_that_it_is_one() -> None:
    acts = converse("How do I send back a lamp?", "That helped")
    assert "A ready-made answer that may fit:" in acts[0].says
    assert RETURNS["answer"] in acts[0].says
    assert acts[0].choices == ("That helped", "This didn't help")
    assert acts[1].then == "resolves"
    assert converse("tra hang the nao", "cảm ơn")[1].then == "resolves"


def test_one_that_did_not_help_is_a_failed_try() -> None:
    acts = converse("How do I return it?", "This didn't help", "dunno")
    assert "sorry" in acts[1].says and "order number" in acts[1].says
    assert [act.then for act in acts] == ["", "", "gives_up"]
    assert acts[2].why == "not_understood"


def test_another_question_gets_its_own_answer() -> None:
    acts = converse("Hello", "how do I return it?")
    assert RETURNS["answer"] in acts[1].says


def test_it_says_when_people_are_there() -> None:
    chat = ChatConfig(hours=OPEN_ON_MONDAY, zone="Asia/Ho_Chi_Minh")
    (act,) = converse("Hello", at=place(chat))
    assert "We are closed right now and answer from Monday, 09:00 on." in act.says
    assert "closed" not in converse("Hello")[0].says
    assert "from Monday, 09:00" in converse("a person", at=place(chat))[0].says
    never = place(ChatConfig(hours=("x", "", "", "", "", "", "")))
    assert "as soon as we can" in converse("Hello", at=never)[0].says


@pytest.mark.parametrize(
    ("goal", "text", "value"),
    [
        ("order_number", "#10433", "10433"),
        ("email", "it's Kim@Example.org.", "kim@example.org"),
        ("quantity", "2,5 please", "2.5"),
        ("delivery_date", "tomorrow would be fine", "2026-11-23"),
        ("delivery_date", "ngày 24 tháng 12", "2026-12-24"),
        ("delivery_time", "in the evening", "evening"),
        ("delivery_time", "buổi sáng nhé", "morning"),
        ("delivery_time", "chiều", "afternoon"),
    ],
)
def test_a_goal_is_asked_for_and_nothing_else(goal: str, text: str, value: str) -> None:
    acts = converse("", "what?", text, goal=goal)
    assert [len(act.collects) for act in acts] == [0, 0, 1]
    assert values(acts) == {goal: value}
    for found in acts[-1].collects:
        collecting.check(found)
    assert not any(act.then for act in acts)


def test_choices_are_buttons_in_the_visitors_language() -> None:
    with translation.override("vi"):
        acts = converse("", goal="delivery_time")
        assert len(acts[0].choices) == 3
        told = converse("", acts[0].choices[2], goal="delivery_time")
    assert values(told) == {"delivery_time": "evening"}


def test_words_that_are_no_part_of_the_day() -> None:
    told = words.value_in("delivery_time", "toi khong biet", now=SUNDAY, zone=place().zone)
    assert told == ""


# At work


@pytest.fixture
def chat(cast: Cast) -> Inbox:
    inbox = make_chat(cast.support)
    reception.save(
        inbox,
        Reception(answers=(RETURNS,)),
        name="Robin",
        fallback=cast.billing,
        is_on=True,
    )
    return inbox


def visitor(chat: Inbox, **told: Any) -> Visitor:
    window = Visitor(chat)
    window.begin(**told)
    return window


def says(window: Visitor, text: str) -> list[dict[str, Any]]:
    """The visitor writes, the assistant works; what the window shows then."""
    window.say(text)
    work.work_due()
    shown: list[dict[str, Any]] = window.since()["entries"]
    return shown


def test_from_the_first_word_to_people(cast: Cast, chat: Inbox) -> None:
    kim = visitor(chat)
    shown = says(kim, "My lamp flickers.")
    assert [row["from"] for row in shown] == ["you", "us"]
    assert (shown[1]["name"], shown[1]["assistant"]) == ("Robin", True)
    assert shown[1]["choices"] == ["I have none", "A person, please"]
    assert not shown[0]["assistant"] and shown[0]["choices"] == []
    ticket = Ticket.objects.get()
    assert ticket.bot == reception.bot_of(chat)
    says(kim, "LX-10433")
    assert work.work_due() == 0
    shown = says(kim, "kim@example.org")
    assert len(shown) == 6
    assert {row.name: row.value for row in collecting.of(ticket)} == {
        "order_number": "LX-10433",
        "email": "kim@example.org",
    }
    offer = Offer.objects.get()
    assert Packet.of(offer.packet).asks.text == "My lamp flickers."
    assert [row["value"] for row in offer.gathered["collected"]] == ["LX-10433", "kim@example.org"]
    # An address that was typed here proves nothing and is nobody's.
    assert not Identity.objects.filter(kind="email", value="kim@example.org").exists()
    handoffs.accept(
        offer, by=cast.charlie, seen_head=head_of(ticket.conversation_id), restatement=None
    )
    shown = says(kim, "Hello?")
    assert sum(row.get("assistant", False) for row in shown) == 3


def test_an_address_that_is_somebodys_joins_nobody(cast: Cast, chat: Inbox) -> None:
    lee = make_ticket(cast.inbox, "lee@example.org")
    kim = visitor(chat)
    for text in ("Hello", "none", "lee@example.org"):
        says(kim, text)
    assert Ticket.objects.get(inbox=chat).conversation_id != lee.conversation_id
    assert Customer.objects.count() == 2


def test_it_speaks_as_the_visitor_does(chat: Inbox) -> None:
    shown = says(visitor(chat, language="vi"), "Xin chào")
    with translation.override("vi"):
        assert translation.gettext("What is your order number?") in shown[1]["text"]


def test_it_is_off_until_it_is_switched_on(cast: Cast) -> None:
    inbox = make_chat(cast.support)
    assert len(says(visitor(inbox), "Hello")) == 1
    reception.save(inbox, Reception(), name="Robin", fallback=cast.support, is_on=False)
    assert len(says(visitor(inbox), "Hello")) == 1
    assert not Ticket.objects.exclude(bot=None).exists()


def test_what_people_have_is_not_taken(cast: Cast, chat: Inbox) -> None:
    kim = visitor(chat)
    kim.say("Hello")
    ticket = Ticket.objects.get()
    ownership.take(ticket, by=cast.alice, epoch=ticket.owner_epoch)
    assert len(says(kim, "Anybody?")) == 2
    # Given back to the team, it was people's all the same.
    ownership.release(ticket, by=cast.alice, epoch=Ticket.objects.get().owner_epoch)
    assert len(says(kim, "Still there?")) == 3


def test_a_person_who_writes_goes_on_alone(cast: Cast, chat: Inbox) -> None:
    kim = visitor(chat)
    says(kim, "Hello")
    ticket = Ticket.objects.get()
    identity = Entry.objects.filter(direction="in").latest("pk").identity
    assert identity is not None
    answer(ticket, by=cast.alice, inbox=chat, to=identity)
    assert [row["from"] for row in says(kim, "10433")] == ["you", "us", "us", "you"]


def turn_now() -> Turn:
    turn = bots.turn_of(Stint.objects.latest("epoch"))
    assert turn is not None
    return turn


def test_taken_over_while_it_thinks_nobody_sees_it(cast: Cast, chat: Inbox) -> None:
    kim = visitor(chat)
    kim.say("Hello")
    turn = turn_now()
    ownership.take(turn.ticket, by=cast.alice, epoch=turn.epoch)
    assert not work.finish(turn, work.think(turn))
    assert [row["from"] for row in kim.since()["entries"]] == ["you"]
    assert Entry.objects.filter(event="answer_discarded").count() == 1
    assert work.work_due() == 0


def test_what_comes_in_while_it_thinks_is_answered_too(chat: Inbox) -> None:
    kim = visitor(chat)
    kim.say("Hello")
    turn = turn_now()
    kim.say("I want a person")
    with pytest.raises(StaleContext):
        work.finish(turn, work.think(turn))
    assert len(kim.since()["entries"]) == 2
    assert work.work_due() == 1
    assert len(kim.since()["entries"]) == 3
    assert Packet.of(Offer.objects.get().packet).reason.text == "They asked for a person."


def test_it_asks_on_behalf_and_gives_back(cast: Cast, chat: Inbox) -> None:
    kim = visitor(chat)
    says(kim, "a person please")
    ticket = Ticket.objects.get()
    ownership.take(ticket, by=cast.alice, epoch=ticket.owner_epoch)
    ticket.refresh_from_db()
    bot = reception.bot_of(chat)
    assert bot is not None
    bots.lend(ticket, to=bot, by=cast.alice, epoch=ticket.owner_epoch, goal="delivery_date")
    work.work_due()
    assert "On which day" in kim.since()["entries"][-1]["text"]
    says(kim, "hm")
    day = timezone.now().date() + timedelta(days=10)
    says(kim, f"{day:%d/%m}")
    (row,) = collecting.of(ticket)
    assert (row.name, row.sort, row.value) == ("delivery_date", "date", day.isoformat())
    ticket.refresh_from_db()
    assert ticket.agent == cast.alice


def test_a_chat_that_changes_teams_takes_its_assistant_along(cast: Cast, chat: Inbox) -> None:
    kim = visitor(chat)
    says(kim, "Hello")
    before = reception.bot_of(chat)
    chat.team = cast.billing
    chat.save()
    reception.follow(chat)
    assert Reception.of_inbox(chat).answers == (RETURNS,)
    after = reception.bot_of(chat)
    assert before is not None and after is not None and after != before
    assert not Ticket.objects.filter(bot=before).exists()
    says(visitor(chat), "Hello")
    assert Ticket.objects.filter(bot=after).count() == 1


def test_one_that_is_off_stays_off_when_its_chat_changes_teams(cast: Cast, chat: Inbox) -> None:
    reception.save(chat, Reception(), name="Robin", fallback=cast.billing, is_on=False)
    chat.team = cast.billing
    chat.save()
    reception.follow(chat)
    assert reception.bot_of(chat) is None
