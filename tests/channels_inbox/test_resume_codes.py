"""Going on elsewhere by a code: sent on one channel, brought back on another; and who can't."""

from __future__ import annotations

import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from channels_inbox import receive
from channels_inbox.chat import limits, resuming
from conversations import codes, customers, intake, merges
from conversations.calls import CallNote
from conversations.customers import Address
from conversations.errors import BadInput
from conversations.models import (
    Conversation,
    Customer,
    Entry,
    Identity,
    Merge,
    ResumeCode,
    Ticket,
)
from conversations.thread import database_now, locked
from tests.builders import inbound, make_cast, make_inbox, ticket_of
from tests.channels_inbox.chatting import Visitor, make_chat, new_secret, sign
from tests.conversations.calling import make_phone, noted
from tests.conversations.desk import sign_in
from tests.patience import wait_for_a_lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.fixtures import SettingsWrapper

    from conversations.models import Inbox
    from tests.builders import Cast

pytestmark = pytest.mark.django_db
PHONE = "+84901112223"


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def chat(cast: Cast) -> Inbox:
    limits.COUNTS.forget()
    return make_chat(cast.support)


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Of somebody who wrote an SMS."""
    sms = make_inbox(cast.support, "SMS", kind="twilio_sms", address="+12025550100")
    sender = Address("phone", PHONE, label="Hoa")
    told = inbound(sms, proof="claimed", text="My lamp is late", follows_on=True)
    entry = intake.receive(replace(told, sender=sender)).entry
    return ticket_of(entry)


def phone() -> Identity:
    return Identity.objects.get(value=PHONE)


def window(chat: Inbox, **told: Any) -> Visitor:
    made = Visitor(chat, **told)
    made.begin()
    return made


def bring(visitor: Visitor, code: str) -> int:
    return int(visitor.post("resume", code=code).status_code)


def live() -> int:
    return Conversation.objects.filter(merged_into=None).count()


def apart(work: Callable[[], Any]) -> Any:
    """With a connection of its own."""
    try:
        return work()
    finally:
        connection.close()


def test_a_code_from_an_sms_binds_a_chat_with_proof(
    cast: Cast, chat: Inbox, ticket: Ticket
) -> None:
    code = codes.make(ticket, by=cast.alice, to=phone())
    kim = window(chat)
    assert bring(kim, codes.shown(code).lower()) == 200
    kim.say("I am here now")
    entry = Entry.objects.get(text="I am here now")
    assert entry.ticket == ticket
    assert (live(), Customer.objects.count(), Ticket.objects.count()) == (1, 1, 1)
    assert entry.identity is not None
    assert (entry.identity.proof, phone().proof) == ("verified", "verified")
    # What was said elsewhere is in no window.
    assert kim.texts() == ["I am here now"]


def test_what_was_written_in_the_chat_before_comes_along_and_may_go_again(
    cast: Cast, chat: Inbox, ticket: Ticket
) -> None:
    kim = window(chat)
    kim.say("Hello?")
    assert live() == 2
    assert bring(kim, codes.make(ticket, by=cast.alice, to=phone())) == 200
    assert live() == 1
    kim.say("It is me")
    assert Entry.objects.get(text="It is me").ticket == ticket
    merges.undo(Merge.objects.get(), by=cast.alice)
    assert live() == 2
    # An agent has said that they are two: the same proof does not join them again.
    assert bring(kim, codes.make(ticket, by=cast.alice, to=phone())) == 200
    assert live() == 2


def test_a_code_works_once_and_for_a_while(cast: Cast, chat: Inbox, ticket: Ticket) -> None:
    code = codes.make(ticket, by=cast.alice, to=phone())
    assert bring(window(chat), code) == 200
    assert bring(window(chat), code) == 422
    late = codes.make(ticket, by=cast.alice, to=phone())
    ResumeCode.objects.update(expires_at=database_now() - timedelta(seconds=1))
    assert bring(window(chat), late) == 422
    older = codes.make(ticket, by=cast.alice, to=phone())
    newer = codes.make(ticket, by=cast.alice, to=phone())
    assert bring(window(chat), older) == 422
    assert bring(window(chat), newer) == 200


def test_what_is_no_code_binds_nothing(cast: Cast, chat: Inbox, ticket: Ticket) -> None:
    code = codes.make(ticket, by=cast.alice, to=phone())
    before = Identity.objects.count()
    kim = window(chat)
    wrong = ["", "A", code[:-1], code + "2", code[::-1], "22222222", "é" * 8, "\x00" * 8]
    for one in wrong:
        assert bring(kim, one) == 422, one
    kim.post("resume", code={"a": 1})
    assert (Identity.objects.count(), live()) == (before, 1)
    assert phone().proof == "claimed"


def test_only_a_hash_is_kept(cast: Cast, ticket: Ticket) -> None:
    code = codes.make(ticket, by=cast.alice, to=phone())
    row = ResumeCode.objects.values().get()
    assert code not in str(row)
    assert re.fullmatch(r"[0-9a-f]{64}", str(row["code_hash"]))


def test_trying_is_limited(
    cast: Cast, chat: Inbox, ticket: Ticket, settings: SettingsWrapper
) -> None:
    settings.CHAT_LIMITS_TIMES = 1
    code = codes.make(ticket, by=cast.alice, to=phone())
    kim = window(chat)
    answers = [bring(kim, "22222222") for _number in range(12)]
    assert answers[:10] == [422] * 10
    assert answers[10:] == [429] * 2
    assert bring(kim, code) == 429


def test_an_address_gets_few_codes_in_an_hour(cast: Cast, ticket: Ticket) -> None:
    for _number in range(5):
        codes.make(ticket, by=cast.alice, to=phone())
    with pytest.raises(BadInput, match="several codes"):
        codes.make(ticket, by=cast.alice, to=phone())


@pytest.mark.django_db(transaction=True)
def test_two_who_bring_a_code_at_once_are_one(cast: Cast, chat: Inbox, ticket: Ticket) -> None:
    code = codes.make(ticket, by=cast.alice, to=phone())
    windows = [window(chat) for _number in range(4)]
    answers: list[int] = []

    def go(one: Visitor) -> None:
        try:
            answers.append(bring(one, code))
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=[one]) for one in windows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 422, 422, 422]
    assert Identity.objects.filter(kind="chat").count() == 1


def test_a_link_is_used_by_its_button_alone(cast: Cast, chat: Inbox, ticket: Ticket) -> None:
    code = codes.make(ticket, by=cast.alice, to=phone())
    address = reverse("chat:resume", args=[chat.public_id, code])
    client = Client()
    for _number in range(3):  # a scanner of mails
        page = client.get(address).content.decode()
        assert "•••223" in page
        assert PHONE not in page
    client.head(address)
    assert ResumeCode.objects.get().used_at is None
    answer = client.post(address)
    assert answer.status_code == 302
    identity = Identity.objects.get(kind="chat")
    assert (identity.conversation_id, identity.proof) == (ticket.conversation_id, "signed")
    assert client.get(answer["Location"]).status_code == 200
    assert client.post(address).status_code == 404
    assert client.get(address).status_code == 404


def test_who_came_by_a_link_is_not_asked_who_they_are(
    cast: Cast, chat: Inbox, ticket: Ticket
) -> None:
    client = Client()
    code = codes.make(ticket, by=cast.alice, to=phone())
    there = client.post(reverse("chat:resume", args=[chat.public_id, code]))["Location"]
    page = client.get(there).content.decode()
    assert "We know now who you are" in page
    assert 'name="email"' not in page
    form = dict(re.findall(r'name="(said|kept)" value="([^"]+)"', page))
    assert client.post(there, {**form, "text": "Here I am"}).status_code == 302
    while receive.process_waiting("fast"):
        pass
    entry = Entry.objects.get(text="Here I am")
    assert entry.conversation_id == ticket.conversation_id
    stranger = client.get(reverse("chat:form", args=[chat.public_id])).content.decode()
    assert 'name="email"' in stranger
    assert "We know now who you are" not in stranger


def test_two_accounts_of_the_site_are_left_to_an_agent(
    cast: Cast, chat: Inbox, ticket: Ticket
) -> None:
    """Somebody forwards the message to a friend, who is signed in as themselves."""
    secret = new_secret(chat)
    kim = window(chat, signed=sign(chat, secret, "kim"))
    assert bring(kim, codes.make(ticket, by=cast.alice, to=phone())) == 200
    kim.say("It is me")
    assert live() == 1
    friend = window(chat, signed=sign(chat, secret, "friend"))
    friend.say("Hello")
    assert bring(friend, codes.make(ticket, by=cast.alice, to=phone())) == 200
    assert live() == 2
    assert Entry.objects.filter(event="resumed_apart", ticket=ticket).count() == 1
    assert friend.texts() == ["Hello"]


def test_a_spoken_code_is_the_agents_word(cast: Cast, chat: Inbox, ticket: Ticket) -> None:
    with pytest.raises(BadInput, match="how you know"):
        codes.make(ticket, by=cast.alice)
    code = codes.make(ticket, by=cast.alice, reason="She named her last three orders.")
    kim = window(chat)
    assert bring(kim, code) == 200
    # The number she called from was a claim, and stays one.
    assert phone().proof == "claimed"
    assert Identity.objects.get(kind="chat").proof == "attested"
    kim.say("Here I am")
    assert Entry.objects.get(text="Here I am").ticket == ticket


def test_a_caller_who_reads_out_a_code_is_proved_and_their_number_is_not(
    cast: Cast, ticket: Ticket
) -> None:
    hotline = make_phone(cast)
    stranger = noted(cast, hotline, number="+84905555555", name="Somebody else")
    code = codes.make(ticket, by=cast.alice, to=phone())
    entry = noted(cast, hotline, number="+84905555555", code=code)
    assert (entry.ticket, entry.proof, entry.identity) == (ticket, "verified", None)
    other = Identity.objects.get(value="+84905555555")
    assert (other.conversation_id, other.proof) == (stranger.conversation_id, "claimed")
    assert live() == 2
    with pytest.raises(codes.NoSuchCode):
        noted(cast, hotline, number="+84905555555", code=code)
    spoken = codes.make(ticket, by=cast.alice, reason="I know her voice")
    with pytest.raises(codes.NoSuchCode):
        noted(cast, hotline, code=spoken)


def test_a_caller_proves_nothing_of_who_they_were_joined_with(cast: Cast, ticket: Ticket) -> None:
    """The two were taken for one person when the code was sent, and are none."""
    other = customers.identity_of(Address("phone", "+84905555555"))
    joined = merges.merge(ticket.conversation, other.conversation, by=cast.alice, reason="Alike")
    other.refresh_from_db()
    code = codes.make(ticket, by=cast.alice, to=other)
    merges.undo(joined, by=cast.alice)
    with pytest.raises(codes.NoSuchCode):
        noted(cast, make_phone(cast), number="+84905555555", code=code)
    assert not Entry.objects.filter(kind="call").exists()
    other.refresh_from_db()
    assert other.proof == "claimed"


@pytest.mark.django_db(transaction=True)
def test_one_is_brought_back_while_another_is_made(cast: Cast, chat: Inbox, ticket: Ticket) -> None:
    """Who makes it comes first, and neither waits for the other for ever."""
    code, kim = codes.make(ticket, by=cast.alice, to=phone()), window(chat)
    with ThreadPoolExecutor(2) as pool, locked(ticket.origin_id):
        making = pool.submit(apart, lambda: codes.make(ticket, by=cast.alice, to=phone()))
        wait_for_a_lock()
        bringing = pool.submit(apart, lambda: bring(kim, code))
        wait_for_a_lock(2)
    assert bringing.result() == 200
    assert len(making.result()) == codes.LENGTH


def test_the_same_note_again_needs_no_second_code(cast: Cast, ticket: Ticket) -> None:
    hotline, token = make_phone(cast), uuid.uuid4()
    code = codes.make(ticket, by=cast.alice, to=phone())
    first = noted(cast, hotline, code=code, client_token=token)
    assert noted(cast, hotline, code=code, client_token=token) == first
    code, token = codes.make(ticket, by=cast.alice, to=phone()), uuid.uuid4()
    withheld = noted(cast, hotline, number="", code=code, client_token=token)
    assert noted(cast, hotline, number="", code=code, client_token=token) == withheld
    assert isinstance(CallNote(hotline, "in", "talked").code, str)


def test_what_is_wrong_with_a_note_leaves_its_code(cast: Cast, ticket: Ticket) -> None:
    code = codes.make(ticket, by=cast.alice, to=phone())
    with pytest.raises(BadInput):
        noted(cast, make_phone(cast), code=code, number="12")
    assert ResumeCode.objects.get().used_at is None


def test_a_spoofed_number_binds_nothing(cast: Cast, chat: Inbox, ticket: Ticket) -> None:
    """Who sends from, or calls from, the number of another gets no code: it goes to the number."""
    noted(cast, make_phone(cast), number=PHONE, summary="I am Hoa, give me the code")
    codes.make(ticket, by=cast.alice, to=phone())
    thief = window(chat)
    thief.say("I am Hoa")
    assert bring(thief, "22222222") == 422
    assert live() == 2
    assert phone().proof == "claimed"


def test_an_address_of_somebody_else_gets_none(cast: Cast, ticket: Ticket) -> None:
    other = customers.identity_of(Address("phone", "+84905555555"))
    with pytest.raises(BadInput, match="does not belong"):
        codes.make(ticket, by=cast.alice, to=other)
    Ticket.objects.update(restriction="legal")
    ticket.refresh_from_db()
    with pytest.raises(BadInput, match="not continued"):
        codes.make(ticket, by=cast.alice, to=phone())


def test_an_agent_sends_one_in_the_customers_language(
    cast: Cast, chat: Inbox, ticket: Ticket
) -> None:
    Customer.objects.update(language="vi")
    alice = sign_in(cast.alice)
    address = reverse("codes:offer", args=[ticket.pk])
    page = alice.get(address).content.decode()
    way = re.findall(r'name="way" value="([^"]+)"', page)
    assert "spoken" in way
    told = dict(re.findall(r'name="(seen|client_token)" value="([^"]+)"', page))
    answer = alice.post(address, {**told, "way": way[0], "reason": ""})
    assert answer.status_code == 302, answer.content.decode()
    sent = Entry.objects.get(kind="message", direction="out")
    code = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", sent.text)
    assert code
    assert "Mã của bạn" in sent.text
    assert resuming.link(chat, code[0].replace("-", "")) in sent.text
    assert bring(window(chat), code[0]) == 200


def test_one_that_is_read_out_is_shown_once(cast: Cast, chat: Inbox, ticket: Ticket) -> None:
    alice = sign_in(cast.alice)
    address = reverse("codes:offer", args=[ticket.pk])
    told = {"seen": 0, "client_token": uuid.uuid4(), "way": "spoken"}
    assert "Say how you know" in alice.post(address, {**told, "reason": ""}).content.decode()
    page = alice.post(address, {**told, "reason": "I know her voice"}).content.decode()
    code = re.search(r'id="code"[^>]*>([^<]+)<', page)
    assert code
    assert code[1] not in alice.get(address).content.decode()
    assert bring(window(chat), code[1]) == 200


def test_who_may_not_act_gives_no_code(cast: Cast, chat: Inbox, ticket: Ticket) -> None:
    address = reverse("codes:offer", args=[ticket.pk])
    assert sign_in(cast.charlie).get(address).status_code == 403
    Ticket.objects.update(restriction="legal")
    assert sign_in(cast.charlie).get(address).status_code == 404
    assert sign_in(cast.alice).post(address, {"way": "spoken"}).status_code == 422
    assert not ResumeCode.objects.exists()
