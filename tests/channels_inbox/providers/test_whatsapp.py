"""What is WhatsApp's own: people without numbers, the 24 hours, templates, statuses that repeat our
name of a message, files in two steps, what was written in the app, several numbers of one app."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from channels_inbox.registry import adapter
from conversations import alike, attachments, deliveries, mirrored, replies
from conversations.errors import BadInput, NotReachable, WindowClosed
from conversations.models import (
    Conversation,
    Delivery,
    EarlyReceipt,
    Entry,
    HeldSend,
    Identity,
    Inbox,
    Template,
    Ticket,
    Window,
)
from conversations.thread import database_now
from conversations.views import composing
from helpdesk.sandbox.whatsapp import CUSTOMER, NUMBER_ID, WhatsAppSandbox
from tests.builders import head_of, outgoing, ticket_of
from tests.channels_inbox.providers.conftest import Place, connected, knock, settings_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.deliveries import Lease
    from conversations.models import Agent
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


def ask(url: str) -> tuple[int, str]:
    """Ask a hook as Meta does before it calls it."""
    parts = urlsplit(url)
    answer = Client().get(f"{parts.path}?{parts.query}")
    return answer.status_code, answer.content.decode()


def ask_from_elsewhere(url: str) -> tuple[int, str]:
    try:
        return ask(url)
    finally:
        connection.close()


@pytest.fixture
def sandbox() -> Iterator[WhatsAppSandbox]:
    with WhatsAppSandbox(knock=knock) as server:
        yield server


@pytest.fixture
def place(sandbox: WhatsAppSandbox, cast: Cast, admin: Agent) -> Place:
    place = connected(sandbox, cast, admin)
    sandbox.says("Hi")
    place.work()
    return place


def by_template(place: Place, name: str, **values: str) -> Entry:
    """Alice answers with a template."""
    template = Template.objects.get(name=name)
    ticket = ticket_of(place.messages()[0])
    told = outgoing(Identity.objects.get(value=place.sandbox.customer), place.inbox, "")
    keys = {f"body:{key.removeprefix('v')}": value for key, value in values.items()}
    entry = replies.reply(
        ticket,
        by=place.cast.alice,
        outgoing=replace(told, template=template.pk, values=keys),
        seen_head=head_of(ticket.conversation_id),
        client_token=uuid.uuid4(),
    )
    assert isinstance(entry, Entry)
    return entry


def over() -> None:
    Window.objects.update(closes_at=database_now() - timedelta(seconds=1))


@pytest.mark.django_db(transaction=True)
def test_meta_asks_back_before_it_calls(sandbox: WhatsAppSandbox, cast: Cast, admin: Agent) -> None:
    sandbox.ask = ask_from_elsewhere
    place = connected(sandbox, cast, admin)
    assert sandbox.hook.endswith(f"/hooks/whatsapp/{place.inbox.public_id}/")


def test_saving_tells_meta_where_to_call(place: Place, sandbox: WhatsAppSandbox) -> None:
    assert sandbox.hook.endswith(f"/hooks/whatsapp/{place.inbox.public_id}/")
    assert place.inbox.address == "+842838220000"
    identity = Identity.objects.get()
    assert (identity.kind, identity.value, identity.proof) == (
        "whatsapp",
        f"+{CUSTOMER}",
        "verified",
    )
    assert place.messages()[0].proof == "verified"


def test_a_wrong_word_gets_no_answer(place: Place) -> None:
    path = f"/hooks/whatsapp/{place.inbox.public_id}/"
    query = "hub.mode=subscribe&hub.challenge=7&hub.verify_token="
    assert ask(f"{path}?{query}another-word")[0] == 401
    assert ask(f"{path}?{query}a-word-of-our-own") == (200, "7")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"access_token": "wrong"}, "The access token has expired or was withdrawn."),
        ({"app_secret": "wrong"}, "The app secret does not belong to the app"),
        ({"phone_number_id": "777"}, "This number is not in the business account."),
    ],
)
def test_what_is_wrong_is_said_before_it_is_connected(
    sandbox: WhatsAppSandbox, cast: Cast, admin: Agent, changed: dict[str, str], said: str
) -> None:
    answer = settings_page(admin, sandbox, cast, **changed)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Inbox.objects.filter(kind="whatsapp").exists()


def test_when_the_token_ends_is_known_ahead(place: Place, sandbox: WhatsAppSandbox) -> None:
    assert place.account.expires_at is None
    sandbox.token_ends = int(time.time()) + 30 * 86400
    place.pull()
    account = place.account
    assert account.expires_at is not None
    assert account.warn_at is not None
    assert int(account.expires_at.timestamp()) == sandbox.token_ends
    assert account.warn_at < account.expires_at


def test_another_number_of_the_same_app_is_set_aside(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    call = sandbox.call_of("For our other number")
    body = call.body.replace(f'"{NUMBER_ID}"'.encode(), b'"502"')
    sandbox.call(sandbox.signed(body))
    place.work()
    assert place.items()[-1] == ("ignored", "other_account")


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


# The 24 hours


def test_free_text_goes_for_a_day_after_they_wrote(place: Place, sandbox: WhatsAppSandbox) -> None:
    left = Window.objects.get().closes_at - database_now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    over()
    with pytest.raises(WindowClosed, match="Choose a template, or another address"):
        place.answer("Too late")
    assert not Entry.objects.filter(direction="out").exists()
    sandbox.says("Still there?")
    place.work()
    assert place.send(place.answer("Yes")).state == "sent"


def test_a_late_message_opens_only_what_is_left(place: Place, sandbox: WhatsAppSandbox) -> None:
    Window.objects.all().delete()
    at = str(int(time.time()) - 23 * 3600)
    sandbox.writes(type="text", text={"body": "Yesterday"}, timestamp=at)
    place.work()
    left = Window.objects.get().closes_at - database_now()
    assert timedelta(minutes=55) < left <= timedelta(hours=1)


def test_the_provider_knows_better(place: Place, sandbox: WhatsAppSandbox) -> None:
    sandbox.faults = ["window"]
    delivery = place.send(place.answer("Hello"))
    assert (delivery.state, delivery.error_code) == ("failed", "window_closed")
    assert "More than 24 hours" in delivery.error
    with pytest.raises(WindowClosed):
        place.answer("Once more")


def test_a_held_answer_stops_where_the_time_ran_out(place: Place) -> None:
    Inbox.objects.filter(pk=place.inbox.pk).update(undo_window=timedelta(seconds=5))
    ticket = ticket_of(place.messages()[0])
    held = replies.reply(
        ticket,
        by=place.cast.alice,
        outgoing=outgoing(Identity.objects.get(), place.inbox, "Hello"),
        seen_head=head_of(ticket.conversation_id),
        client_token=uuid.uuid4(),
    )
    assert isinstance(held, HeldSend)
    over()
    HeldSend.objects.update(release_at=database_now())
    replies.release_due()
    held.refresh_from_db()
    assert held.state == "stopped"


# Templates


def test_templates_are_read_and_those_we_cannot_fill_in_are_told_apart(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    place.pull()
    assert dict(Template.objects.values_list("name", "state")) == {
        "order_ready": "ready",
        "hen_giao": "ready",
        "not_yet": "waiting",
        "with_picture": "unfit",
    }
    order = Template.objects.get(name="order_ready")
    assert order.places == [
        {"key": "body:1", "name": "1", "example": "Hoa"},
        {"key": "body:2", "name": "2", "example": "A-17"},
    ]
    sandbox.templates = sandbox.templates[:1]
    place.inbox.account.cursor = {}
    place.inbox.account.save()
    place.pull()
    assert list(Template.objects.values_list("name", flat=True)) == ["order_ready"]


def test_a_template_goes_out_filled_in_when_the_time_is_over(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    place.pull()
    over()
    entry = by_template(place, "order_ready", v1=" Hoa ", v2="A-17\n{{1}}")
    assert (
        entry.text
        == "Lamps & Co\n\nHello Hoa, your order A-17 {{1}} is ready.\n\nWrite to us here."
    )
    assert place.send(entry).state == "sent"
    assert sandbox.sent[-1]["template"] == {
        "name": "order_ready",
        "language": {"code": "en"},
        "components": [
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "Hoa"},
                    {"type": "text", "text": "A-17 {{1}}"},
                ],
            }
        ],
    }


def test_places_with_names_go_out_by_name(place: Place, sandbox: WhatsAppSandbox) -> None:
    place.pull()
    assert place.send(by_template(place, "hen_giao", ten="Hoa", ngay="30/11")).state == "sent"
    [body] = sandbox.sent[-1]["template"]["components"]
    assert [one["parameter_name"] for one in body["parameters"]] == ["ten", "ngay"]


def test_no_place_stays_open_and_no_template_of_others_is_sent(place: Place) -> None:
    place.pull()
    with pytest.raises(BadInput, match="Fill in every place"):
        by_template(place, "order_ready", v1="Hoa")
    with pytest.raises(BadInput, match="can't be sent any more"):
        by_template(place, "not_yet")


def test_a_template_the_provider_ended_says_so(place: Place, sandbox: WhatsAppSandbox) -> None:
    place.pull()
    sandbox.faults = ["template"]
    delivery = place.send(by_template(place, "order_ready", v1="Hoa", v2="A-17"))
    assert (delivery.state, delivery.error_code) == ("failed", "whatsapp_132001")
    assert delivery.error.startswith("The template is not there")


# What becomes of ours


def test_a_status_settles_what_may_have_been_sent(place: Place, sandbox: WhatsAppSandbox) -> None:
    sandbox.faults = ["dropped"]
    delivery = place.send(place.answer("Hello"))
    assert (delivery.state, delivery.provider_id) == ("ambiguous", "")
    sandbox.tells(sandbox.took[0].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("delivered", sandbox.took[0].name)


def test_of_several_parts_only_the_last_settles_all(place: Place, sandbox: WhatsAppSandbox) -> None:
    """The text went out, the connection broke with the second file."""
    files = [_file(place, f"{number}.pdf") for number in range(2)]
    sandbox.faults = ["", "dropped"]
    delivery = place.send(place.answer("Two files", files))
    assert (delivery.state, len(sandbox.took)) == ("ambiguous", 2)
    sandbox.tells(sandbox.took[0].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "ambiguous"
    sandbox.tells(sandbox.took[1].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_parts_that_went_out_are_not_sent_again(place: Place, sandbox: WhatsAppSandbox) -> None:
    files = [_file(place, f"{number}.pdf") for number in range(3)]
    sandbox.faults = ["", "pair"]
    entry = place.answer("Three files", files)
    delivery = place.send(entry)
    assert (delivery.state, delivery.error_code, len(sandbox.took)) == (
        "queued",
        "whatsapp_131056",
        1,
    )
    delivery = place.send(entry)
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[0].name)
    assert [got.files for got in sandbox.took] == [("0.pdf",), ("1.pdf",), ("2.pdf",)]
    assert [got.text for got in sandbox.took] == ["Three files", "", ""]
    # That one of them did not arrive is news, that it did is none.
    sandbox.tells(sandbox.took[1].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    sandbox.tells(sandbox.took[1].name, "failed", 131053)
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("failed", "whatsapp_131053")


def test_a_worker_that_died_knowing_the_answer_leaves_no_doubt(
    place: Place, sandbox: WhatsAppSandbox
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


def test_a_failure_told_later_says_why_and_is_our_turn_again(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    delivery = place.send(place.answer("Hello"))
    assert Ticket.objects.get().status == "pending"
    sandbox.tells(delivery.provider_id, "failed", 131047)
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("failed", "window_closed")
    assert Ticket.objects.get().status == "open"
    with pytest.raises(WindowClosed):
        place.answer("Again")


def test_what_failed_later_goes_out_again_where_an_agent_says_so(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    entry = place.answer("Hello")
    first = place.send(entry).provider_id
    sandbox.tells(first, "failed", 131026)
    place.work()
    deliveries.send_again(entry.delivery, by=place.cast.alice)
    delivery = place.send(entry)
    assert (delivery.state, [got.text for got in sandbox.took]) == ("sent", ["Hello"] * 2)
    assert delivery.provider_id == sandbox.took[1].name
    # What is told of the first one once more says nothing of the second.
    sandbox.tells(first, "failed", 131026)
    sandbox.tells(delivery.provider_id, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_what_may_have_been_sent_at_the_second_try_is_settled_by_its_status(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    entry = place.answer("Hello")
    sandbox.tells(place.send(entry).provider_id, "failed", 131026)
    place.work()
    deliveries.send_again(entry.delivery, by=place.cast.alice)
    sandbox.faults = ["dropped"]
    delivery = place.send(entry)
    assert delivery.state == "ambiguous"
    sandbox.tells(sandbox.took[1].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("delivered", sandbox.took[1].name)


def test_a_file_that_will_not_arrive_is_told_though_the_words_did(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    """Meta looks at a file later than at words. Only the file goes out again."""
    files = [_file(place, f"{number}.pdf") for number in range(2)]
    entry = place.answer("Two files", files)
    place.send(entry)
    sandbox.tells(sandbox.took[0].name, "read")
    sandbox.tells(sandbox.took[1].name, "failed", 131053)
    place.work()
    entry.delivery.refresh_from_db()
    assert (entry.delivery.state, entry.delivery.error_code) == ("failed", "whatsapp_131053")
    assert Ticket.objects.get().status == "open"
    deliveries.send_again(entry.delivery, by=place.cast.alice)
    delivery = place.send(entry)
    assert [got.files for got in sandbox.took] == [("0.pdf",), ("1.pdf",), ("1.pdf",)]
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[0].name)


def test_what_went_out_does_not_settle_what_goes_out_again(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    """The first of two did not arrive, and that the second did is told when it waits again."""
    files = [_file(place, f"{number}.pdf") for number in range(2)]
    entry = place.answer("Two files", files)
    place.send(entry)
    sandbox.tells(sandbox.took[0].name, "failed", 131053)
    place.work()
    entry.delivery.refresh_from_db()
    deliveries.send_again(entry.delivery, by=place.cast.alice)
    sandbox.tells(sandbox.took[1].name, "read")
    place.work()
    delivery = place.send(entry)
    assert [got.files for got in sandbox.took] == [("0.pdf",), ("1.pdf",), ("0.pdf",)]
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[2].name)


def test_a_payment_that_fails_says_nothing_of_the_message_that_asked_for_it(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    delivery = place.send(place.answer("Please pay"))
    sandbox.tells(delivery.provider_id, "failed", type="payment", payment={"reference_id": "42"})
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, Ticket.objects.get().status) == ("sent", "pending")
    assert place.items()[-1] == ("ignored", "no_message: payment failed")


def test_who_wants_no_offers_is_answered_again_once_they_write(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    delivery = place.send(place.answer("An offer"))
    sandbox.tells(delivery.provider_id, "failed", 131050)
    place.work()
    assert Identity.objects.get().undeliverable_reason == "opted_out"
    sandbox.says("A question")
    place.work()
    assert Identity.objects.get().undeliverable_at is None


@pytest.mark.parametrize("code", [131047, 131050])
def test_who_wrote_after_what_failed_is_answered(
    place: Place, sandbox: WhatsAppSandbox, code: int
) -> None:
    """Meta tells late that it had closed for what we wrote before."""
    delivery = place.send(place.answer("An offer"))
    in_a_while = str(int(time.time()) + 2)
    sandbox.writes(type="text", text={"body": "A question"}, timestamp=in_a_while)
    sandbox.tells(delivery.provider_id, "failed", code)
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "failed"
    assert place.send(place.answer("An answer")).state == "sent"


def test_a_receipt_that_comes_first_waits_a_day_for_its_message(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    """Another program sends by the same number, or our own answer isn't written yet."""
    sandbox.tells("wamid.later", "delivered")
    sandbox.tells("wamid.never", "delivered")
    place.work()
    assert place.items()[-1] == ("ignored", "early_receipt")
    delivery = place.send(place.answer("Hello"))
    type(delivery).objects.filter(pk=delivery.pk).update(provider_id="wamid.later")
    _a_day_less_a_minute_later()
    assert mirrored.settle_early() == 1
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    EarlyReceipt.objects.update(at=database_now() - timedelta(hours=24, seconds=1))
    assert mirrored.settle_early() == 0
    assert not EarlyReceipt.objects.exists()


def _a_day_less_a_minute_later() -> None:
    EarlyReceipt.objects.update(at=database_now() - timedelta(hours=23, minutes=59))


# More of what comes in


def test_an_answer_to_a_message_shows_which(place: Place, sandbox: WhatsAppSandbox) -> None:
    delivery = place.send(place.answer("Which lamp is it?"))
    sandbox.under(delivery.provider_id, "The red one")
    place.work()
    assert place.messages()[-1].data["quotes"] == {
        "entry": delivery.entry_id,
        "text": "Which lamp is it?",
        "ours": True,
    }


def test_what_only_a_team_may_read_is_quoted_to_nobody_else(
    sandbox: WhatsAppSandbox, cast: Cast, admin: Agent
) -> None:
    """An inbox that is opened to all takes nothing along of what was said before."""
    place = connected(sandbox, cast, admin, restriction="health")
    name = sandbox.says("I am ill")
    place.work()
    sandbox.under(name, "Very")
    place.work()
    Inbox.objects.update(restriction="")
    sandbox.under(name, "And now?")
    place.work()
    quoted = [one.data.get("quotes", {}).get("text", "") for one in place.messages()]
    assert quoted == ["", "I am ill", ""]
    [seen] = Entry.objects.visible_to(cast.charlie).filter(kind="message")
    assert seen.text == "And now?"


def test_a_reaction_and_a_deletion_are_shown(place: Place, sandbox: WhatsAppSandbox) -> None:
    delivery = place.send(place.answer("Sent today"))
    told = {"message_id": delivery.provider_id, "emoji": "👍"}
    sandbox.writes(type="reaction", reaction=told)
    name = place.messages()[0].arrivals.get().external_id
    sandbox.writes(type="revoke", revoke={"original_message_id": name})
    place.work()
    assert Entry.objects.get(event="reacted").data["emoji"] == "👍"
    assert place.messages()[0].withdrawn_at is not None


def test_places_contacts_and_choices_are_words(place: Place, sandbox: WhatsAppSandbox) -> None:
    where = {"latitude": 10.77, "longitude": 106.7, "name": "Chợ Bến Thành"}
    sandbox.writes(type="location", location=where)
    contact = {"name": {"formatted_name": "Lan"}, "phones": [{"phone": "+84 90 111"}]}
    sandbox.writes(type="contacts", contacts=[contact])
    chosen = {"type": "button_reply", "button_reply": {"id": "yes", "title": "Có"}}
    sandbox.writes(type="interactive", interactive=chosen)
    sandbox.writes(type="unsupported", errors=[{"code": 131051, "title": "Unknown"}])
    place.work()
    told = [one.text for one in place.messages()[1:]]
    assert "Chợ Bến Thành" in told[0]
    assert "Lan" in told[1]
    assert told[2:] == ["Có", ""]


def test_what_was_written_in_the_app_is_shown_as_ours(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    name = sandbox.echoes(type="text", text={"body": "From my phone"})
    place.work()
    entry = place.messages()[-1]
    assert (entry.text, entry.direction, entry.data["echo"]) == ("From my phone", "out", True)
    new = {"type": "text", "text": {"body": "From my own phone"}}
    sandbox.echoes(type="edit", edit={"original_message_id": name, "message": new})
    place.work()
    entry.refresh_from_db()
    assert entry.text == "From my own phone"
    sandbox.echoes(type="revoke", revoke={"original_message_id": name})
    place.work()
    entry.refresh_from_db()
    assert entry.withdrawn_at is not None
    # It is no window that a message of ours opens.
    assert Window.objects.count() == 1


def test_more_than_a_message_holds_is_refused_before_anything_is_sent(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    with pytest.raises(BadInput, match="4097 letters; one message takes 4096"):
        place.answer("x" * 4097)
    assert place.send(place.answer("x" * 4096)).state == "sent"


def _file(place: Place, name: str) -> Any:
    upload = SimpleUploadedFile(name, b"%PDF-1.4", "application/pdf")
    return attachments.upload(upload, by=place.cast.alice)
