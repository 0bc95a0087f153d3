"""What the composer says of each way to a customer before anything is sent, and that the server
says the same: plain forms, no scripts."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from channels_inbox import troubles
from channels_inbox.models import Account
from conversations import customers, transcripts
from conversations.api.inboxes import InboxOut
from conversations.customers import Address
from conversations.models import Conversation, Entry, Identity, Inbox, Template, Window
from conversations.thread import database_now
from helpdesk.sandbox.whatsapp import CUSTOMER, WhatsAppSandbox
from tests.builders import make_inbox, make_team, ticket_of, write_in
from tests.channels_inbox.providers.conftest import Place, connected, knock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Agent, Ticket
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[WhatsAppSandbox]:
    with WhatsAppSandbox(knock=knock) as server:
        yield server


@pytest.fixture
def place(sandbox: WhatsAppSandbox, cast: Cast, admin: Agent) -> Place:
    place = connected(sandbox, cast, admin)
    sandbox.says("Đèn của tôi bị vỡ")
    place.work()
    place.pull()
    return place


@pytest.fixture
def ticket(place: Place) -> Ticket:
    return ticket_of(place.messages()[0])


def alice(place: Place) -> Client:
    client = Client()
    client.force_login(place.cast.alice, "django.contrib.auth.backends.ModelBackend")
    return client


def shown(place: Place, ticket: Ticket) -> str:
    address = reverse("conversations:composer", args=[ticket.pk])
    return alice(place).get(address, headers={"HX-Request": "true"}).content.decode()


def write(place: Place, ticket: Ticket, **told: Any) -> Any:
    conversation = Conversation.objects.get(pk=ticket.conversation_id)
    form = {
        "identity": Identity.objects.filter(kind="whatsapp").get().pk,
        "inbox": place.inbox.pk,
        "seen": conversation.head,
        "client_token": str(uuid.uuid4()),
        "text": "",
        **told,
    }
    return alice(place).post(reverse("conversations:reply", args=[ticket.pk]), form)


def over() -> None:
    Window.objects.update(closes_at=database_now() - timedelta(seconds=1))


def test_how_long_free_text_goes_is_said_before_sending(place: Place, ticket: Ticket) -> None:
    assert f"+{CUSTOMER} · closes in 23 h" in shown(place, ticket)
    Window.objects.update(closes_at=database_now() + timedelta(minutes=12, seconds=30))
    assert "closes in 12 min" in shown(place, ticket)
    over()
    page = shown(place, ticket)
    assert f"+{CUSTOMER} · templates only" in page
    assert "only a template goes there now, and the provider charges for it." in page
    assert 'id="reply-templates" open' in page


def test_a_closed_way_names_another_that_is_open(place: Place, ticket: Ticket, cast: Cast) -> None:
    make_inbox(cast.support, "Mail", address="support@lamps.example")
    conversation = Conversation.objects.get(pk=ticket.conversation_id)
    customers.add_address(conversation, Address("email", "hoa@example.org"), by=cast.alice)
    over()
    assert "Or write by Email to hoa@example.org." in shown(place, ticket)


def test_free_text_after_that_is_refused_with_what_to_do(place: Place, ticket: Ticket) -> None:
    over()
    answer = write(place, ticket, text="Too late")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Choose a template, or another address" in page
    assert "Too late" in page
    assert not Entry.objects.filter(direction="out").exists()


def test_a_template_is_chosen_filled_in_and_sent_by_plain_forms(
    place: Place, ticket: Ticket, sandbox: WhatsAppSandbox
) -> None:
    over()
    order = Template.objects.get(name="order_ready")
    page = write(place, ticket, action="template", template=order.pk).content.decode()
    assert 'name="value-body:1"' in page
    assert "such as A-17" in page
    assert '<mark data-at="body:1" data-open="{{1}}">{{1}}</mark>' in page
    told = {"template": order.pk, "value-body:1": "Hoa", "value-body:2": "A-17"}
    page = write(place, ticket, action="template", **told).content.decode()
    assert '<mark data-at="body:1" data-open="{{1}}">Hoa</mark>' in page
    assert write(place, ticket, action="send", template=order.pk).status_code == 422
    answer = write(place, ticket, action="send", **told)
    assert answer.status_code == 302
    entry = Entry.objects.get(direction="out")
    assert entry.text.splitlines()[2] == "Hello Hoa, your order A-17 is ready."
    assert place.send(entry).state == "sent"
    assert sandbox.sent[-1]["type"] == "template"


def test_a_template_takes_no_files(place: Place, ticket: Ticket) -> None:
    order = Template.objects.get(name="order_ready")
    told = {"template": order.pk, "value-body:1": "Hoa", "value-body:2": "A-17"}
    bill = SimpleUploadedFile("bill.pdf", b"%PDF-1.4", "application/pdf")
    answer = write(place, ticket, upload=bill, **told)
    assert answer.status_code == 422
    assert "A template takes no files." in answer.content.decode()


def test_templates_that_cannot_be_sent_are_not_offered(place: Place, ticket: Ticket) -> None:
    page = shown(place, ticket)
    assert "order_ready (en)" in page
    assert "not_yet" not in page
    assert "with_picture" not in page


def test_what_is_wrong_with_the_inbox_is_said(place: Place, ticket: Ticket) -> None:
    assert 'id="reply-trouble" hidden' in shown(place, ticket)
    troubles.TROUBLED.forget("")
    Account.objects.update(error_code="sending:token_refused", error="190")
    page = shown(place, ticket)
    assert "Nothing goes out by this inbox now." in page
    assert 'id="reply-trouble" hidden' not in page
    until = database_now() + timedelta(minutes=1)
    Account.objects.update(error_code="", rests_until=until)
    troubles.TROUBLED.forget("")
    assert "The provider wants less at a time" in shown(place, ticket)


def test_an_answer_to_one_message_quotes_it_there_and_here(
    place: Place, ticket: Ticket, sandbox: WhatsAppSandbox
) -> None:
    [asked] = place.messages()
    write(place, ticket, text="Which one?", answers=asked.pk, cites="on")
    entry = Entry.objects.get(direction="out")
    assert entry.data["quotes"] == {"entry": asked.pk, "text": asked.text, "ours": False}
    place.send(entry)
    assert sandbox.sent[-1]["context"] == {"message_id": asked.arrivals.get().external_id}
    write(place, ticket, text="Or not?", answers=asked.pk)
    newest = Entry.objects.filter(direction="out").latest("at")
    place.send(newest)
    assert "context" not in sandbox.sent[-1]
    page = alice(place).get(f"/conversations/{ticket.conversation_id}/").content.decode()
    assert page.count(f'data-entry="{asked.pk}"') == 1


def test_an_sms_is_refused_with_its_count_before_it_is_sent(cast: Cast) -> None:
    sms = make_inbox(cast.support, "SMS", kind="twilio_sms", address="+12025550100")
    entry = write_in(sms, "+84901112223", kind="phone", text="Hi", follows_on=True)
    client = Client()
    client.force_login(cast.alice, "django.contrib.auth.backends.ModelBackend")
    form = {
        "identity": entry.identity_id,
        "inbox": sms.pk,
        "seen": Conversation.objects.get(pk=entry.conversation_id).head,
        "client_token": str(uuid.uuid4()),
        "text": "x" * 1601,
    }
    answer = client.post(reverse("conversations:reply", args=[entry.ticket_id]), form)
    assert answer.status_code == 422
    assert "This has 1601 letters; one message takes 1600 there." in answer.content.decode()
    assert not Entry.objects.filter(direction="out").exists()
    assert client.post(
        reverse("conversations:reply", args=[entry.ticket_id]), {**form, "text": "x" * 1600}
    ).status_code == 302  # fmt: skip


# Writing first


def begin(place: Place, **told: Any) -> Any:
    form = {
        "inbox": place.inbox.pk,
        "team": place.cast.support.pk,
        "client_token": str(uuid.uuid4()),
        "address": "",
        "subject": "",
        "text": "",
        **told,
    }
    return alice(place).post(reverse("conversations:new-message"), form)


def test_whatsapp_writes_first_by_a_template_only(place: Place, sandbox: WhatsAppSandbox) -> None:
    number, token = "+84 909 998 887", str(uuid.uuid4())
    answer = begin(place, address=number, text="Hello", confirmed="1")
    assert answer.status_code == 409
    assert "Choose a template" in answer.content.decode()
    order = Template.objects.get(name="order_ready")
    told = {"address": number, "template": order.pk, "text": "Typed before"}
    page = begin(place, action="template", **told).content.decode()
    assert '<input type="hidden" name="text" value="Typed before"' in page
    assert f'<option value="{order.pk}" selected>' in page
    assert 'name="value-body:2"' in page
    assert f'value="{number}"' in page
    assert "errorlist" not in page
    told = {
        "address": number,
        "template": order.pk,
        "value-body:1": "Lan",
        "value-body:2": "B-2",
        "client_token": token,
    }
    answer = begin(place, **told)
    assert answer.status_code == 409
    assert "never proved and never wrote" in answer.content.decode()
    assert not Identity.objects.filter(value="+84909998887").exists()
    assert begin(place, confirmed="1", **told).status_code == 302
    assert begin(place, confirmed="1", **told).status_code == 302
    entry = Entry.objects.get(direction="out")
    assert place.send(entry).state == "sent"
    assert sandbox.took[-1].to == "+84909998887"
    assert Identity.objects.get(value="+84909998887").kind == "whatsapp"


def test_who_never_wrote_there_is_not_said_to_have_written_a_day_ago(place: Place) -> None:
    order = Template.objects.get(name="order_ready")
    told = {"template": order.pk, "value-body:1": "Lan", "value-body:2": "B-2"}
    assert begin(place, address="+84 909 998 887", confirmed="1", **told).status_code == 302
    ticket = ticket_of(Entry.objects.get(direction="out"))
    page = shown(place, ticket)
    assert "They have not written there yet: only a template goes there" in page
    assert "More than 24 hours have passed" not in page


def test_templates_of_an_inbox_one_may_not_write_from_are_not_shown(place: Place) -> None:
    legal = make_inbox(make_team("Legal"), "Legal", kind="whatsapp", restriction="legal")
    told: dict[str, Any] = {"state": "ready", "places": [], "seen_at": database_now()}
    secret = Template.objects.create(inbox=legal, name="x", language="en", body="Sealed", **told)
    for chosen in (str(secret.pk), "9" * 5000):
        answer = begin(place, address="+84 909 998 887", action="template", template=chosen)
        assert (answer.status_code, "Sealed" in answer.content.decode()) == (200, False)


def test_sms_writes_first_to_a_number(place: Place, cast: Cast) -> None:
    sms = make_inbox(cast.support, "SMS", kind="twilio_sms", address="+12025550100")
    told = {"inbox": sms.pk, "address": "+84 909 998 887", "text": "Your lamp is here"}
    assert begin(place, **told).status_code == 409
    assert begin(place, **told, confirmed="1").status_code == 302
    entry = Entry.objects.get(direction="out")
    assert entry.identity is not None
    assert (entry.identity.kind, entry.identity.value, entry.identity.proof) == (
        "phone",
        "+84909998887",
        "claimed",
    )
    answer = begin(place, **{**told, "address": "hoa@example.org"}, confirmed="1")
    assert answer.status_code == 422
    assert "not a phone number" in answer.content.decode()
    assert begin(place, **{**told, "text": "x" * 1601}, confirmed="1").status_code == 422


def test_a_number_without_a_country_is_of_that_of_the_inbox(place: Place, cast: Cast) -> None:
    ours = make_inbox(cast.support, "SMS", kind="twilio_sms", address="+842812345678")
    page = alice(place).get(reverse("conversations:new-message")).content.decode()
    assert "Without a country code it gets that of the number we write from: +84." in page
    told = {"inbox": ours.pk, "address": "0909 998 887", "text": "Your lamp is here"}
    assert begin(place, **told, confirmed="1").status_code == 302
    assert Identity.objects.filter(kind="phone", value="+84909998887").exists()
    for wrong in ("0909 998 88", "12", "Lan"):
        answer = begin(place, **{**told, "address": wrong}, confirmed="1")
        assert answer.status_code == 422
        assert "not a phone number" in answer.content.decode()


def test_a_mail_needs_a_subject_and_telegram_writes_to_nobody_first(
    place: Place, cast: Cast
) -> None:
    mail = make_inbox(cast.support, "Mail", address="support@lamps.example")
    # With a space in its name: any three letters may stand in a token of the page.
    bot = make_inbox(cast.support, "Lamp bot", kind="telegram", address="@lamps_bot")
    answer = begin(place, inbox=mail.pk, address="hoa@example.org", text="Hello", confirmed="1")
    assert "A mail needs a subject." in answer.content.decode()
    page = alice(place).get(reverse("conversations:new-message")).content.decode()
    assert f">{mail.name} ({mail.address})</option>" in page
    assert bot.name not in page


def inboxes_in(page: str) -> str:
    """The choice of inboxes in the form of a first message."""
    return page.partition('<select name="inbox"')[2].partition("</select>")[0]


def test_the_customers_page_leads_there(place: Place, ticket: Ticket) -> None:
    page = alice(place).get(f"/conversations/{ticket.conversation_id}/").content.decode()
    link = f"/messages/new/?to=%2B{CUSTOMER}&amp;kind=whatsapp"
    assert link in page
    form = alice(place).get(link.replace("&amp;", "&")).content.decode()
    [chosen] = re.findall(r'<option value="(\d+)" selected[^>]*>([^<]+)<', inboxes_in(form))
    name = f"{place.inbox.name} ({place.inbox.address})"
    assert (int(chosen[0]), unescape(chosen[1])) == (place.inbox.pk, name)


# Names of media


def test_programs_are_told_the_medium_whoever_provides_it(place: Place, cast: Cast) -> None:
    sms = make_inbox(cast.support, "SMS", kind="twilio_sms", address="+12025550100")
    rows = [shown_by_api.data for shown_by_api in (InboxOut(sms), InboxOut(place.inbox))]
    assert [row["kind"] for row in rows] == ["sms", "whatsapp"]
    entry = write_in(sms, "+84901112223", kind="phone", text="Hi", follows_on=True)
    for asked in ("sms", "twilio_sms"):  # searches kept by earlier releases name the kind
        found = transcripts.search(cast.alice, transcripts.Asked(channel=asked))
        assert [row.pk for row in found.tickets] == [entry.ticket_id]
    assert transcripts.search(cast.alice, transcripts.Asked(channel="chat")).tickets == []


def test_other_inboxes_ask_nothing_of_windows(cast: Cast) -> None:
    """Mail has no time after which it is refused."""
    assert cast.inbox.medium.window is None
    assert Inbox.objects.get(pk=cast.inbox.pk).channel == "email"
