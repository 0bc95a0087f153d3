"""The visitor has gone: the answer goes on by mail, once, and what they answer comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from channels_inbox import deliver
from channels_inbox.chat import asking, fallback
from channels_inbox.models import AddressCheck
from channels_inbox.models import Visitor as Row
from conversations.models import Delivery, Entry, Identity, Ticket
from tests.builders import answer, newest_of, write_in
from tests.channels_inbox.chatting import Visitor, make_chat, new_secret, sign
from tests.channels_inbox.mailing import connect, make_mail, threaded

if TYPE_CHECKING:
    from conversations.models import Inbox
    from tests.builders import Cast
    from tests.channels_inbox.servers import SMTPSink

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(cast: Cast) -> Inbox:
    chat = make_chat(cast.support)
    chat.goes_on_by = cast.inbox
    chat.save()
    return chat


def signed_in(chat: Inbox, **claims: object) -> Visitor:
    kim = Visitor(chat, signed=sign(chat, new_secret(chat), **claims))
    kim.begin()
    return kim


def reply_to(cast: Cast, chat: Inbox, text: str = "It is on its way.") -> Entry:
    ticket = Ticket.objects.get()
    identity = Identity.objects.filter(kind="chat").latest("pk")
    sent = answer(ticket, by=cast.alice, inbox=chat, to=identity, text=text)
    assert isinstance(sent, Entry)
    return sent


def minutes_pass(minutes: int = 3) -> None:
    """As the sweeper sees it: the visitor's last sign of life, and the answers, are older."""
    past = timezone.now() - timedelta(minutes=minutes)
    Identity.objects.filter(kind="chat").update(here_at=past)
    Delivery.objects.filter(look_at__isnull=False).update(look_at=past)


def mails() -> list[Entry]:
    return list(Entry.objects.filter(identity__kind="email", direction="out").order_by("pk"))


def test_what_a_signed_visitor_left_unseen_is_mailed_once(cast: Cast, chat: Inbox) -> None:
    kim = signed_in(chat, email="kim@example.org", email_verified=True)
    kim.say()
    first, second = reply_to(cast, chat, "First."), reply_to(cast, chat, "Second.")
    assert fallback.take_on() == 0
    minutes_pass()
    assert fallback.take_on() == 1
    assert fallback.take_on() == 0
    (mail,) = mails()
    assert mail.identity is not None
    assert (mail.identity.value, mail.inbox, mail.ticket) == (
        "kim@example.org",
        cast.inbox,
        first.ticket,
    )
    assert mail.text.startswith("First.\n\nSecond.\n\n")
    for entry in (first, second):
        assert Delivery.objects.get(entry=entry).mailed_in == mail
    # The window never shows mail.
    assert kim.texts() == ["Hello, is anybody there?", "First.", "Second."]


def test_what_was_read_or_whoever_is_here_gets_no_mail(cast: Cast, chat: Inbox) -> None:
    kim = signed_in(chat, email="kim@example.org", email_verified=True)
    kim.say()
    reply_to(cast, chat, "Seen.")
    kim.post("seen", rev=kim.since()["rev"])
    minutes_pass()
    assert fallback.take_on() == 0
    reply_to(cast, chat, "Not seen yet.")
    Delivery.objects.filter(look_at__isnull=False).update(
        look_at=timezone.now() - timedelta(minutes=1)
    )
    Identity.objects.filter(kind="chat").update(here_at=timezone.now())
    assert (fallback.take_on(), mails()) == (0, [])
    minutes_pass()
    assert (fallback.take_on(), len(mails())) == (1, 1)


def test_the_answer_by_mail_joins_the_same_ticket(cast: Cast, chat: Inbox, sink: SMTPSink) -> None:
    connect(cast.inbox, sink.config())
    kim = signed_in(chat, email="kim@example.org", email_verified=True)
    kim.say()
    reply_to(cast, chat)
    minutes_pass()
    fallback.take_on()
    deliver.deliver_due("slow")
    (sent,) = sink.parsed()
    assert "It is on its way." in sent.get_body(("plain",)).get_content()
    entry = threaded(
        cast.inbox, make_mail(in_reply_to=sent["Message-ID"], text="Thank you, it came.")
    )
    assert entry.ticket == Ticket.objects.get()
    assert kim.texts() == ["Hello, is anybody there?", "It is on its way."]


def test_a_typed_address_is_only_a_claim_until_its_owner_confirms(
    cast: Cast, chat: Inbox, sink: SMTPSink
) -> None:
    connect(cast.inbox, sink.config())
    theirs = write_in(cast.inbox, "kim@example.org", text="My secret order")
    eve = Visitor(chat)
    eve.begin()
    eve.say(email="kim@example.org", name="Kim")
    assert Ticket.objects.count() == 2
    assert eve.texts() == ["Hello, is anybody there?"]
    told = Entry.objects.get(event="address_claimed")
    assert told.data == {"address": "kim@example.org"}
    assert Identity.objects.get(kind="email").origin_id == theirs.origin_id

    sent = answer(
        Ticket.objects.latest("pk"),
        by=cast.alice,
        inbox=chat,
        to=Identity.objects.get(kind="chat"),
        text="Here it is.",
    )
    minutes_pass()
    assert fallback.take_on() == 0
    assert mails() == []
    asking.send_due()
    (question,) = sink.parsed()
    assert question["To"] == "kim@example.org"
    text = question.get_content()
    assert "Hello, is anybody there?" not in text
    link = next(line for line in text.splitlines() if "/w/confirm/" in line)

    there = "/" + link.partition("://")[2].partition("/")[2]
    assert eve.client.get(there).status_code == 200
    assert AddressCheck.objects.get().confirmed_at is None
    assert eve.client.post(there).status_code == 200
    assert eve.client.get(there[:-2] + "x/").status_code == 404
    assert fallback.take_on() == 1
    (mail,) = mails()
    assert Delivery.objects.get(entry=sent.pk).mailed_in == mail
    # By proof they are one customer now; the window still shows its own messages only.
    assert Entry.objects.filter(event="joined").exists()
    assert eve.texts() == ["Hello, is anybody there?", "Here it is."]


def test_asking_an_address_is_seldom_and_always_answered_alike(cast: Cast, chat: Inbox) -> None:
    for _ in range(4):
        visitor = Visitor(chat)
        visitor.begin()
        visitor.say()
        answered = visitor.post("email", email="Victim@example.org")
        assert (answered.status_code, answered.json()) == (202, {"kept": True})
    assert AddressCheck.objects.filter(email="victim@example.org").count() == 3
    assert Row.objects.filter(email="victim@example.org").count() == 4
    bad = visitor.post("email", email="no address")
    assert (bad.status_code, bad.json()["error"]) == (400, "email")


def test_the_window_asks_for_an_address_while_none_is_proved(cast: Cast, chat: Inbox) -> None:
    kim = Visitor(chat)
    assert not kim.begin()["settings"]["ask_email"]
    kim.say()
    assert kim.since()["ask_email"]
    secret = new_secret(chat)
    kim.signed = sign(chat, secret, email="kim@example.org", email_verified=True)
    kim.begin()
    assert not kim.since()["ask_email"]
    assert newest_of(Ticket.objects.get()).text == "Hello, is anybody there?"
