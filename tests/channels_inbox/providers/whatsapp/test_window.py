"""The 24 hours after somebody wrote, and the templates that go out beyond them."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from conversations import replies
from conversations.errors import BadInput, WindowClosed
from conversations.models import (
    Entry,
    HeldSend,
    Identity,
    Inbox,
    Template,
    Window,
)
from conversations.thread import database_now
from helpdesk.sandbox.whatsapp import WhatsAppSandbox
from tests.builders import head_of, outgoing, ticket_of
from tests.channels_inbox.providers.conftest import Place
from tests.channels_inbox.providers.whatsapp.conftest import by_template, over

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.django_db


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
