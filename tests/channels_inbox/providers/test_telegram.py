"""What is Telegram's own: asking for updates, edits and reactions, accounts a bot works for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from channels_inbox import accounts, receive
from channels_inbox.gates import into
from channels_inbox.models import Envelope, Item
from channels_inbox.registry import adapter
from conversations import deliveries
from conversations.models import Delivery, Entry, Identity
from helpdesk.sandbox.telegram import TelegramSandbox
from tests.channels_inbox.providers.conftest import Place, connected, knock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.deliveries import Lease
    from conversations.models import Agent
    from tests.builders import Cast

pytestmark = pytest.mark.django_db
OWNER = {"id": 7, "is_bot": False, "first_name": "Lan"}


@pytest.fixture
def sandbox() -> Iterator[TelegramSandbox]:
    with TelegramSandbox(knock=knock) as server:
        yield server


@pytest.fixture
def place(sandbox: TelegramSandbox, cast: Cast, admin: Agent) -> Place:
    return connected(sandbox, cast, admin)


def business(sandbox: TelegramSandbox, name: str, **told: Any) -> None:
    """An update about the chat of a customer with an account the bot works for."""
    sandbox._update(name, {**sandbox._message(""), "business_connection_id": "BC1", **told})


def test_a_person_is_known_by_number_and_shown_by_name(
    place: Place, sandbox: TelegramSandbox
) -> None:
    sandbox.says("Hi")
    place.work()
    identity = Identity.objects.get()
    assert (identity.kind, identity.value, identity.shown) == ("telegram", "88", "Hoa Trần")
    assert (identity.proof, place.inbox.address) == ("verified", "@lamps_bot")


def test_a_name_hides_nothing(place: Place, sandbox: TelegramSandbox) -> None:
    """Signs that turn the writing round, or show as nothing, make one name look like another."""
    sandbox.names[sandbox.customer] = "Sup\u200bport \u202etroppus\n\u2066"
    name = sandbox.says("Hi")
    sandbox.call(sandbox.reacts(name, "🎉"))
    place.work()
    assert Identity.objects.get().label == "Support troppus"
    assert Entry.objects.get(event="reacted").data["name"] == "Support troppus"


def test_an_edit_and_a_reaction_are_shown(place: Place, sandbox: TelegramSandbox) -> None:
    name = sandbox.says("Helo")
    place.work()
    sandbox.call(sandbox.corrects(name, "Hello"))
    sandbox._update("message_reaction", {
        "chat": {"id": 88, "type": "private"}, "message_id": int(name.partition(":")[2]),
        "user": {"id": 88, "first_name": "Hoa"}, "date": int(time.time()),
        "new_reaction": [{"type": "emoji", "emoji": "🎉"}],
    })  # fmt: skip
    place.work()
    [entry] = place.messages()
    assert (entry.text, [one["was"] for one in entry.data["edits"]]) == ("Hello", ["Helo"])
    line = Entry.objects.get(event="reacted")
    assert line.data["emoji"] == "🎉"


def test_what_is_told_of_messages_from_before_holds_nobody_up(
    place: Place, sandbox: TelegramSandbox
) -> None:
    """It can be read: that what was edited is not here says nothing of other messages."""
    for who in range(91, 98):
        message = sandbox._message(str(who), text="Before the desk")
        sandbox.call(sandbox.corrects(f"{who}:{message['message_id']}", "Edited"))
    place.work()
    assert not into.is_held(place.inbox.pk)
    sandbox.says("Hi")
    place.work()
    assert [one.text for one in place.messages()] == ["Hi"]


def test_where_the_desk_asks_nobody_calls(
    sandbox: TelegramSandbox, cast: Cast, admin: Agent
) -> None:
    sandbox.way = "poll"
    place = connected(sandbox, cast, admin)
    for text in ("one", "two"):
        sandbox.says(text)
    place.pull()
    place.pull()
    assert (sandbox.hook, sandbox.waiting) == ("", [])
    assert [one.text for one in place.messages()] == ["one", "two"]
    assert place.account.missed == 0


def test_another_bot_is_read_from_its_own_beginning(
    sandbox: TelegramSandbox, cast: Cast, admin: Agent
) -> None:
    """Its updates have lower numbers than those of the bot before had."""
    sandbox.way = "poll"
    place = connected(sandbox, cast, admin)
    sandbox.says("To the first")
    place.pull()
    sandbox.token = "220201543:BBHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    accounts.connect(place.inbox, place.account.config, {"token": sandbox.token})
    message = sandbox._message("", text="To the second")
    sandbox.waiting.append({"update_id": 5, "message": message})
    place.pull()
    assert [one.text for one in place.messages()] == ["To the first", "To the second"]
    assert sandbox.waiting == []


def test_half_a_sign_in_an_update_stops_nothing(
    sandbox: TelegramSandbox, cast: Cast, admin: Agent
) -> None:
    sandbox.way = "poll"
    place = connected(sandbox, cast, admin)
    sandbox.says("Cut \ud83d")
    sandbox.says("Whole")
    place.pull()
    assert place.account.error_code == ""
    assert [one.text for one in place.messages()] == ["Cut \ufffd", "Whole"]


def test_an_address_somebody_else_set_is_set_back(place: Place, sandbox: TelegramSandbox) -> None:
    ours = sandbox.hook
    sandbox.calls = False
    sandbox.hook = "https://elsewhere.example/hook"
    sandbox.says("Anybody?")
    place.pull()
    assert sandbox.hook == ours
    assert [one.text for one in place.messages()] == ["Anybody?"]


def test_the_same_update_sent_and_asked_for_is_one(place: Place, sandbox: TelegramSandbox) -> None:
    sandbox.calls = False
    sandbox.says("Hi")
    sandbox.call(sandbox._signed(sandbox.waiting[0]))
    sandbox.error = "Read timeout expired"
    place.pull()
    assert (Envelope.objects.count(), len(place.messages())) == (1, 1)


def test_groups_and_greetings_are_set_aside_and_can_be_brought_in(
    place: Place, sandbox: TelegramSandbox
) -> None:
    sandbox._update("message", {**sandbox._message(""), "text": "/start"})
    group = {"id": -100, "type": "supergroup", "title": "Friends"}
    sandbox._update("message", {**sandbox._message(""), "chat": group, "text": "Hi all"})
    place.work()
    assert place.items() == [("ignored", "greeting"), ("ignored", "group")]
    receive.replay(Item.objects.get(reason="greeting"), by=place.admin)
    assert [one.text for one in place.messages()] == ["/start"]


def test_a_long_answer_goes_out_in_pieces_and_none_twice(
    place: Place, sandbox: TelegramSandbox
) -> None:
    sandbox.says("Tell me all")
    place.work()
    text = "\n".join(f"{number} " + "x" * 90 for number in range(100))
    sandbox.faults = ["", "", "busy"]
    entry = place.answer(text)
    delivery = place.send(entry)
    assert (delivery.state, len(sandbox.took)) == ("queued", 2)
    delivery = place.send(entry)
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[0].name)
    assert "\n".join(got.text for got in sandbox.took) == text


def test_a_worker_that_died_knowing_the_answer_leaves_no_doubt(
    place: Place, sandbox: TelegramSandbox
) -> None:
    sandbox.says("Hi")
    place.work()
    answer = place.answer("Hello")
    [lease] = deliveries.claim([place.inbox.pk], 1)
    delivery = Delivery.objects.get(pk=lease.delivery)
    adapter(place.inbox.kind).send(delivery, lambda: assert_ours(lease))
    Delivery.objects.update(lease_until=answer.at)
    assert deliveries.expire_leases() == 1
    delivery = place.send(answer)
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[0].name)
    assert len(sandbox.took) == 1


def assert_ours(lease: Lease) -> None:
    assert deliveries.handing_over(lease)


def test_answers_under_a_message_are_shown_both_ways(
    place: Place, sandbox: TelegramSandbox
) -> None:
    name = sandbox.says("The red lamp is broken")
    place.work()
    [asked] = place.messages()
    entry = place.answer("Which red one?", cites=asked.pk)
    delivery = place.send(entry)
    assert sandbox.answered == {delivery.provider_id: name}
    under = {"message_id": int(delivery.provider_id.rpartition(":")[2])}
    sandbox._update("message", sandbox._message("", text="The big one", reply_to_message=under))
    place.work()
    newest = place.messages()[-1]
    assert newest.data["quotes"] == {"entry": entry.pk, "text": "Which red one?", "ours": True}


def test_an_account_a_bot_works_for(place: Place, sandbox: TelegramSandbox) -> None:
    business(sandbox, "business_message", text="Is it open?")
    place.work()
    [asked] = place.messages()
    assert asked.data["business"] == "BC1"
    business(sandbox, "business_message", text="Until nine.", **{"from": OWNER})
    place.work()
    echo = place.messages()[-1]
    assert (echo.text, echo.direction, echo.data["echo"]) == ("Until nine.", "out", True)
    assert echo.ticket is not None
    assert echo.ticket.status == "pending"
    name = int(str(asked.arrivals.get().external_id).rpartition(":")[2])
    chat = {"id": 88, "type": "private"}
    gone = {"business_connection_id": "BC1", "chat": chat, "message_ids": [name]}
    sandbox._update("deleted_business_messages", gone)
    place.work()
    asked.refresh_from_db()
    assert asked.withdrawn_at is not None
    delivery = place.send(place.answer("See you."))
    assert (delivery.state, delivery.provider_id) == ("sent", f"BC1:{sandbox.took[0].name}")
