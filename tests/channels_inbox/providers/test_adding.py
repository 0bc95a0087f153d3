"""A provider added by what README says: a class, one line, and its hook and page are there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from channels_inbox import accounts, receive, registry
from channels_inbox.base import Accepted, Check, Refused
from channels_inbox.calls import Call, key_of, must_match
from channels_inbox.events import Event, Kind
from channels_inbox.meta import greeting
from channels_inbox.models import Envelope
from channels_inbox.payloads import read_object, text
from channels_inbox.provider import Provider, Setting
from channels_inbox.reader import Reader
from conversations.customers import Address
from conversations.models import Entry, Inbox
from tests.builders import make_cast, make_inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django.fixtures import Settings

    from channels_inbox.models import Account
    from conversations.models import Delivery

pytestmark = pytest.mark.django_db


def verify(call: Call, secret: str) -> None:
    key_of(secret)
    must_match(call.header("X-Pigeon"), secret)


def parse(call: Call) -> list[Event]:
    told = read_object(call.body)
    who = text(told, "from")
    return [
        Event(
            Kind.MESSAGE,
            sender=who,
            conversation=who,
            message_id=text(told, "id"),
            text=text(told, "text"),
        )
    ]


class Pigeons(Provider):
    kind = "pigeon"
    label = "Pigeons"
    reader = Reader(verify, parse)
    secret = "ring"
    settings = (Setting("ring", "Ring", secret=True),)

    def address(self, inbox: Inbox, event: Event) -> Address:
        return Address("pigeon", event.conversation, inbox.public_id)

    def greet(self, account: Account, call: Call) -> str:
        return greeting.answer(call, "coo")

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        handing_over()
        return Accepted(f"p{delivery.pk}")

    def introduce(self, account: Account) -> str:
        return "loft 1"

    def check(self, account: Account) -> list[Check]:
        return [Check("Feed", True)]


@pytest.fixture
def loft(settings: Settings) -> Iterator[Inbox]:
    settings.CHANNELS = {**settings.CHANNELS, "pigeon": f"{__name__}.Pigeons"}
    registry.adapter.cache_clear()
    inbox = make_inbox(make_cast().support, kind="pigeon")
    accounts.connect(inbox, {}, {"ring": "seven"})
    yield inbox
    registry.adapter.cache_clear()


def post(inbox: Inbox, told: Any, ring: str = "seven") -> int:
    path = reverse("hook", args=["pigeon", inbox.public_id])
    body = json.dumps(told)
    answer = Client().post(path, body, content_type="application/json", headers={"X-Pigeon": ring})
    return answer.status_code


def test_it_takes_messages(loft: Inbox) -> None:
    told = {"from": "grey", "id": "1", "text": "Coo"}
    assert [post(loft, told), post(loft, told), post(loft, told, ring="six")] == [202, 200, 401]
    receive.process_waiting("fast")
    entry = Entry.objects.get(kind="message")
    assert (entry.text, entry.identity and entry.identity.value) == ("Coo", "grey")
    assert Envelope.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "status", "answer"),
    [
        ({"hub.mode": "subscribe", "hub.verify_token": "coo", "hub.challenge": "42"}, 200, b"42"),
        ({"hub.mode": "subscribe", "hub.verify_token": "moo", "hub.challenge": "42"}, 401, None),
        ({"hub.mode": "subscribe", "hub.verify_token": "coo", "hub.challenge": "<b>"}, 401, None),
        ({"hub.verify_token": "coo", "hub.challenge": "42"}, 401, None),
        ({}, 401, None),
    ],
)
def test_a_question_whether_the_hook_is_ours(
    loft: Inbox, query: dict[str, str], status: int, answer: bytes | None
) -> None:
    path = reverse("hook", args=["pigeon", loft.public_id])
    said = Client().get(path, query)
    assert said.status_code == status
    if answer is not None:
        assert (said.content, said["Content-Type"]) == (answer, "text/plain; charset=utf-8")


def test_without_a_word_no_question_is_answered() -> None:
    url = "https://desk.example/?hub.mode=subscribe&hub.verify_token=&hub.challenge=4"
    with pytest.raises(Refused):
        greeting.answer(Call(url=url), "")
