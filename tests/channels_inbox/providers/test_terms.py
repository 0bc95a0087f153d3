"""What a message costs and how long it waits for its turn, said before it is sent."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from channels_inbox import terms
from channels_inbox.gates import out
from channels_inbox.models import Account
from conversations import drafts
from conversations.models import Delivery, Entry, Inbox
from conversations.thread import database_now
from helpdesk.sandbox.twilio import TwilioSandbox
from tests.builders import Cast, answer, identity_of, ticket_of, write_in
from tests.channels_inbox.providers.conftest import connected, knock, settings_page
from tests.conversations.desk import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse as Response

    from conversations.models import Agent

pytestmark = pytest.mark.django_db

CUSTOMER = "+84901112223"


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    terms.TERMS.forget("")
    yield
    terms.TERMS.forget("")


@pytest.fixture
def sandbox() -> Iterator[TwilioSandbox]:
    with TwilioSandbox(knock=knock) as server:
        yield server


def heard(inbox: Inbox) -> Entry:
    return write_in(inbox, CUSTOMER, kind="phone", text="Hi", follows_on=True)


def line(entry: Entry, by: Agent, language: str = "en") -> str:
    """What the composer says below the text, hidden where it has nothing to say."""
    client = Client()
    client.force_login(by, "django.contrib.auth.backends.ModelBackend")
    address = reverse("conversations:composer", args=[entry.ticket_id])
    headers = {"HX-Request": "true", "Accept-Language": language}
    return said(client.get(address, headers=headers))


def said(page: Response) -> str:
    [(told, words)] = re.findall(r"<p[^>]* data-segments([^>]*)>([^<]*)<", page.content.decode())
    assert told.endswith(" hidden") == (not words)
    return unescape(words)


def drafted(entry: Entry, by: Agent, text: str) -> Entry:
    drafts.save(ticket_of(entry), by=by, mode="reply", text=text, fields={}, version=0)
    return entry


@pytest.mark.parametrize(
    ("price", "parts", "told"),
    [
        ("", 2, "Charged as 2 texts · letters left: 145"),
        ("0.075 EUR", 2, "Charged as 2 texts · about 0.15 EUR · letters left: 145"),
        ("0,0079usd", 1, "Charged as 1 text · about 0.0079 USD · letters left: 159"),
        ("750 VND", 2, "Charged as 2 texts · about 1,500 VND · letters left: 145"),
        ("0.1 EUR", 1, "Charged as 1 text · about 0.10 EUR · letters left: 159"),
    ],
)
def test_what_a_text_is_charged_is_said_with_the_price_of_the_inbox(
    sandbox: TwilioSandbox, cast: Cast, admin: Agent, price: str, parts: int, told: str
) -> None:
    place = connected(sandbox, cast, admin, price=price)
    text = "x" * (161 if parts == 2 else 1)
    assert line(drafted(heard(place.inbox), cast.alice, text), cast.alice) == told


def test_it_is_said_of_a_first_message_too(
    sandbox: TwilioSandbox, cast: Cast, admin: Agent
) -> None:
    """Here of one that was refused: the page has no script, and the text is as it was typed."""
    place = connected(sandbox, cast, admin, price="0.075 EUR")
    told = {"inbox": place.inbox.pk, "team": cast.support.pk, "text": "x" * 161, "address": ""}
    answered = sign_in(cast.alice).post(reverse("conversations:new-message"), told)
    assert answered.status_code == 422
    assert said(answered) == "Charged as 2 texts · about 0.15 EUR · letters left: 145"
    mail = told | {"inbox": cast.inbox.pk}
    assert said(sign_in(cast.alice).post(reverse("conversations:new-message"), mail)) == ""


def test_it_is_said_in_the_readers_language(
    sandbox: TwilioSandbox, cast: Cast, admin: Agent
) -> None:
    place = connected(sandbox, cast, admin, price="0.075 EUR")
    entry = drafted(heard(place.inbox), cast.alice, "x" * 161)
    assert line(entry, cast.alice, "vi") == "Tính cước 2 tin · khoảng 0,15 EUR · còn 145 ký tự"


def test_nothing_is_said_of_nothing(sandbox: TwilioSandbox, cast: Cast, admin: Agent) -> None:
    place = connected(sandbox, cast, admin, price="0.075 EUR")
    assert line(heard(place.inbox), cast.alice) == ""


def test_a_price_that_is_none_is_refused_with_an_example(
    sandbox: TwilioSandbox, cast: Cast, admin: Agent
) -> None:
    answered = settings_page(admin, sandbox, cast, price="cheap")
    assert answered.status_code == 422
    assert "such as 0.075 EUR." in answered.content.decode()
    assert not Inbox.objects.filter(kind="twilio_sms").exists()


def test_a_price_is_written_down_also_while_the_provider_is_away(
    sandbox: TwilioSandbox, cast: Cast, admin: Agent
) -> None:
    place = connected(sandbox, cast, admin)
    sandbox.token = "another one now"
    client = Client()
    client.force_login(admin, "django.contrib.auth.backends.ModelBackend")
    told = {
        **sandbox.answers(),
        "auth_token": "",
        "name": place.inbox.name,
        "team": cast.support.pk,
        "undo_seconds": 0,
        "reopen_hours": 72,
        "price": "0.075 EUR",
    }
    page = reverse("inboxes:inbox", args=[place.inbox.pk])
    assert client.post(page, told).status_code == 302
    assert Account.objects.get(inbox=place.inbox).config["price"] == "0.075 EUR"


def waiting(entry: Entry, inbox: Inbox, cast: Cast, count: int) -> None:
    """So many messages of ours that wait for their turn."""
    to = identity_of(CUSTOMER, "phone")
    for _number in range(count):
        answer(ticket_of(entry), by=cast.bob, inbox=inbox, to=to)


def test_a_queue_longer_than_a_minutes_worth_is_said(
    sandbox: TwilioSandbox, cast: Cast, admin: Agent
) -> None:
    place = connected(sandbox, cast, admin)
    entry = heard(place.inbox)
    out.allow(place.inbox, 1)
    waiting(entry, place.inbox, cast, 4)
    assert line(entry, cast.alice) == "goes out in about 4 minutes: others are before it"
    out.allow(place.inbox, 4)
    terms.TERMS.forget("")
    assert line(entry, cast.alice) == ""


def test_what_is_tried_again_later_stands_in_nobodys_way(
    sandbox: TwilioSandbox, cast: Cast, admin: Agent
) -> None:
    place = connected(sandbox, cast, admin)
    entry = heard(place.inbox)
    out.allow(place.inbox, 1)
    waiting(entry, place.inbox, cast, 4)
    Delivery.objects.update(next_at=database_now() + timedelta(minutes=5))
    assert line(entry, cast.alice) == ""


def test_where_more_waits_than_is_counted_it_is_at_least_so_long(
    sandbox: TwilioSandbox, cast: Cast, admin: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = connected(sandbox, cast, admin)
    entry = heard(place.inbox)
    out.allow(place.inbox, 1)
    waiting(entry, place.inbox, cast, 4)
    monkeypatch.setattr(terms, "LOOKED_AT", 3)
    assert line(entry, cast.alice) == "goes out in 3 minutes at least: others are before it"
