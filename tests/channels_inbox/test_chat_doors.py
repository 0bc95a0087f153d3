"""A chat from the first look to the answer, through its doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conversations.models import Customer, Delivery, Entry, Ticket
from tests.builders import answer, newest_of
from tests.channels_inbox.chatting import Visitor, make_chat

if TYPE_CHECKING:
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


def test_a_visitor_writes_and_is_answered(cast: Cast) -> None:
    chat = make_chat(cast.support, greeting="How can we help?")
    kim = Visitor(chat)
    begun = kim.begin(language="vi")
    assert (begun["rev"], begun["signed"], begun["settings"]["greeting"]) == (
        0,
        False,
        "How can we help?",
    )
    assert kim.since()["entries"] == []
    assert Customer.objects.count() == 0

    kim.say("Where is my **lamp**?", name="Kim")
    told = kim.since()
    (mine,) = told["entries"]
    assert (told["rev"], mine["from"], mine["text"]) == (1, "you", "Where is my **lamp**?")
    ticket = Ticket.objects.get()
    entry = newest_of(ticket)
    assert entry.identity is not None
    assert (entry.proof, entry.identity.label) == ("claimed", "Kim")

    answer(ticket, by=cast.alice, inbox=chat, to=entry.identity, text="On its **way**.")
    told = kim.since(told["rev"])
    (theirs,) = told["entries"]
    assert (theirs["from"], theirs["name"], theirs["html"].strip()) == (
        "us",
        "Alice",
        "<p>On its <strong>way</strong>.</p>",
    )
    assert Delivery.objects.get().state == "delivered"
    assert kim.post("seen", rev=told["rev"]).status_code == 204
    assert Delivery.objects.get().state == "read"
    assert kim.begin()["seen"] == told["rev"]
    assert Entry.objects.filter(kind="message").count() == 2
