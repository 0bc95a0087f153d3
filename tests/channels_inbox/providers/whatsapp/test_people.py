"""People without numbers, with several names, and with numbers somebody else had."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from conversations import alike, replies
from conversations.errors import NotReachable
from conversations.models import Conversation, Entry, Identity
from conversations.views import composing
from helpdesk.sandbox.whatsapp import CUSTOMER, WhatsAppSandbox
from tests.builders import head_of, outgoing, ticket_of
from tests.channels_inbox.providers.conftest import Place

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.django_db


def test_somebody_who_shows_no_number_is_answered_by_their_id(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    sandbox.says("No number", sender="VN.13491208655302741918")
    place.work()
    identity = Identity.objects.get(value="VN.13491208655302741918")
    assert (identity.scope, identity.shown) == (place.inbox.public_id, "Hoa Trần")
    ticket = ticket_of(place.messages()[-1])
    entry = replies.reply(
        ticket,
        by=place.cast.alice,
        outgoing=outgoing(identity, place.inbox, "Hello"),
        seen_head=head_of(ticket.conversation_id),
        client_token=uuid.uuid4(),
    )
    assert isinstance(entry, Entry)
    assert place.send(entry).state == "sent"
    assert sandbox.sent[-1]["recipient"] == "VN.13491208655302741918"
    assert "to" not in sandbox.sent[-1]


def test_who_hides_their_number_later_stays_the_same_customer(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    sandbox.writes(type="text", text={"body": "Both"}, from_user_id="VN.77")
    place.work()
    sandbox.says("Hidden now", sender="VN.77")
    place.work()
    assert [one.text for one in place.messages()] == ["Hi", "Both", "Hidden now"]
    assert Conversation.objects.count() == 1
    assert not Entry.objects.filter(event="address_proved").exists()


def test_a_new_number_is_written_down_and_the_old_one_written_to_no_more(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    told = {"type": "user_changed_number", "wa_id": "84909998887", "body": "changed"}
    sandbox.writes(type="system", system=told)
    place.work()
    known = dict(Identity.objects.values_list("value", "undeliverable_reason"))
    assert known == {f"+{CUSTOMER}": "changed_number", "+84909998887": ""}
    with pytest.raises(NotReachable, match="moved to another one"):
        place.answer("Hello?")
    sandbox.says("It's me", sender="84909998887")
    place.work()
    assert Conversation.objects.count() == 1


def test_who_is_given_a_number_that_somebody_left_is_another_customer(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    [first] = place.messages()
    sandbox.writes(type="system", system={"type": "user_changed_number", "wa_id": "84909998887"})
    sandbox.says("I am new here")
    place.work()
    stranger = place.messages()[-1]
    assert stranger.text == "I am new here"
    assert stranger.conversation_id != first.conversation_id
    assert stranger.identity is not None
    assert stranger.identity.undeliverable_at is None
    for one in (first, stranger):
        assert not alike.alike(one.conversation, place.cast.alice)
    # Whoever comes back to a number that they left is who they were.
    told = {"type": "user_changed_number", "wa_id": "84905556667"}
    sandbox.writes(type="system", system=told)
    told = {"type": "user_changed_number", "wa_id": CUSTOMER}
    sandbox.writes(sender="84909998887", type="system", system=told)
    sandbox.says("It's me again")
    place.work()
    assert place.messages()[-1].conversation_id == first.conversation_id


def test_the_id_that_a_new_number_brings_is_the_same_customers(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    told = {"type": "user_changed_number", "wa_id": "84909998887", "user_id": "VN.2"}
    sandbox.writes(type="system", system=told)
    sandbox.says("It's me, hidden", sender="VN.2")
    place.work()
    assert Conversation.objects.count() == 1


def test_a_new_id_of_somebody_without_a_number_is_the_same_customer(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    sandbox.says("No number", sender="VN.1")
    place.work()
    told = {"type": "user_changed_user_id", "user_id": "VN.2", "previous_user_id": "VN.1"}
    sandbox.writes(sender="VN.2", type="system", system=told)
    sandbox.says("It's me", sender="VN.2")
    place.work()
    known = Identity.objects.filter(value__startswith="VN.")
    assert dict(known.values_list("value", "undeliverable_reason")) == {
        "VN.1": "changed_number",
        "VN.2": "",
    }
    assert len(set(known.values_list("conversation", flat=True))) == 1


def test_a_number_somebody_else_has_joins_nobody(place: Place, sandbox: WhatsAppSandbox) -> None:
    sandbox.says("I am another", sender="84909998887")
    place.work()
    sandbox.writes(type="system", system={"type": "user_changed_number", "wa_id": "84909998887"})
    place.work()
    assert len(set(Identity.objects.values_list("conversation", flat=True))) == 2


def test_an_id_told_beside_a_number_is_no_second_way_to_write(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    sandbox.writes(type="text", text={"body": "Both"}, from_user_id="VN.77")
    place.work()
    ticket = ticket_of(place.messages()[0])
    ways, _inboxes = composing.ways_out(ticket)
    assert [row.value for row in ways] == [f"+{CUSTOMER}"]
    sandbox.says("Hidden now", sender="VN.77")
    place.work()
    ways, _inboxes = composing.ways_out(ticket)
    assert {row.value for row in ways} == {f"+{CUSTOMER}", "VN.77"}
