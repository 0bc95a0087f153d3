"""A customer sees who has read their conversation, where they can see anything of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, transaction

from conversations import handoffs
from conversations.models import Entry, Offer
from tests.builders import make_ticket
from tests.channels_inbox.chatting import Visitor, make_chat
from tests.conversations.offering import PACKET, accepted

if TYPE_CHECKING:
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(cast: Cast) -> Visitor:
    found = Visitor(make_chat(cast.support))
    found.begin()
    found.say("Where is my parcel?")
    return found


def offered(cast: Cast, *, to_team: bool = False) -> Offer:
    """The matter of the last message, to Bob or to all of Billing."""
    ticket = Entry.objects.filter(direction="in").latest("at").ticket
    assert ticket
    to: dict[str, Any] = {"team": cast.support, "agent": cast.bob}
    if to_team:
        to = {"team": cast.billing}
    return handoffs.offer(ticket, by=cast.alice, epoch=ticket.owner_epoch, packet=PACKET, **to)


def test_who_accepts_has_read_it(cast: Cast, visitor: Visitor) -> None:
    before = visitor.since()
    offer = offered(cast)
    assert visitor.since(before["rev"])["entries"] == []
    accepted(offer, cast.bob, restatement="I ask the carrier.")
    (line,) = visitor.since(before["rev"])["entries"]
    assert (line["from"], line["text"]) == ("desk", "Bob from Support has read your conversation.")
    assert "carrier" not in str(line)
    assert line == visitor.since()["entries"][-1]


def test_it_is_said_in_the_language_of_the_window(cast: Cast, visitor: Visitor) -> None:
    accepted(offered(cast), cast.bob)
    visitor.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "vi"
    assert visitor.texts()[-1] == "Bob (Support) đã đọc cuộc trò chuyện của bạn."


def test_no_answer_is_said_to_nobody(cast: Cast, visitor: Visitor) -> None:
    handoffs.decline(offered(cast), by=cast.bob, reason="I am at lunch.")
    handoffs.recall(offered(cast, to_team=True), by=cast.alice)
    assert visitor.texts() == ["Where is my parcel?"]


def test_who_writes_by_mail_is_shown_nothing(cast: Cast) -> None:
    make_ticket(cast.inbox, text="Where is my parcel?")
    accepted(offered(cast), cast.bob)
    assert not Entry.objects.filter(event="offer_accepted").exclude(identity=None).exists()


def test_no_other_event_can_be_shown(cast: Cast, visitor: Visitor) -> None:
    offered(cast)
    event = Entry.objects.get(event="offered")
    with pytest.raises(IntegrityError, match="entry_public_kind"), transaction.atomic():
        Entry.objects.filter(pk=event.pk).update(public_rev=99)
