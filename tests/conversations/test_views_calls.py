"""The page that notes a call: plain first, nothing lost, and what rings at the moment."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversations.models import Entry, Promise, Role
from tests.builders import make_agent, make_cast, make_inbox, make_ticket, ticket_of
from tests.conversations.calling import NUMBER, make_phone, noted, tells
from tests.conversations.desk import sign_in

if TYPE_CHECKING:
    from conversations.models import Inbox
    from tests.builders import Cast

pytestmark = pytest.mark.django_db
NEW = "/calls/new/"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def alice(cast: Cast) -> Client:
    return sign_in(cast.alice)


def told(phone: Inbox, **fields: Any) -> dict[str, Any]:
    return {
        "inbox": phone.pk, "direction": "in", "outcome": "talked", "number": "0901 112 223",
        "name": "Hoa", "summary": "The lamp is late.", "then": "open", "promise": "", "due": "",
        "recording": "", "client_token": uuid.uuid4(), **fields,
    }  # fmt: skip


def test_a_call_is_noted_by_a_plain_form(cast: Cast, alice: Client) -> None:
    phone = make_phone(cast)
    assert "Keep the call" in alice.get(NEW).content.decode()
    due = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    answer = alice.post(NEW, told(phone, promise="Call back", due=due))
    entry = Entry.objects.get(kind="call")
    assert answer.status_code == 302
    page = alice.get(answer["Location"].partition("#")[0]).content.decode()
    for words in ("The lamp is late.", "They called", "claimed address", "Call back"):
        assert words in page, words
    assert Promise.objects.get().entry == entry


def test_what_was_typed_is_there_again(cast: Cast, alice: Client) -> None:
    phone = make_phone(cast)
    for wrong in ({"number": "12"}, {"promise": "Call back"}, {"summary": ""}, {"outcome": ""}):
        answer = alice.post(NEW, told(phone, recording="https://r.example/1", **wrong))
        page = answer.content.decode()
        assert answer.status_code == 422, wrong
        assert 'value="https://r.example/1"' in page
        assert ("The lamp is late." in page) == ("summary" not in wrong)
    assert not Entry.objects.exists()


def test_from_a_conversation_it_knows_who_it_is(cast: Cast, alice: Client) -> None:
    phone = make_phone(cast)
    ticket = ticket_of(noted(cast, phone))
    page = alice.get(f"{NEW}?ticket={ticket.pk}").content.decode()
    assert f'value="{NUMBER}"' in page
    assert 'name="name"' not in page
    alice.post(f"{NEW}?ticket={ticket.pk}", told(phone, number="", summary="Again."))
    assert Entry.objects.latest("at").ticket == ticket


def test_a_note_goes_nowhere_its_author_may_not_act(cast: Cast) -> None:
    make_phone(cast)
    ticket = make_ticket(cast.inbox)
    quiet = make_ticket(make_inbox(cast.support, "Legal", restriction="legal"), "q@example.org")
    charlie = sign_in(cast.charlie)
    assert charlie.get(f"{NEW}?ticket={ticket.pk}").status_code == 403
    assert charlie.get(f"{NEW}?ticket={quiet.pk}").status_code == 404
    for nonsense in ("x", "9" * 30, "-1"):
        assert charlie.get(f"{NEW}?ticket={nonsense}").status_code == 404


def test_a_telephone_of_another_restriction_is_not_offered(cast: Cast, alice: Client) -> None:
    secret = make_phone(cast, restriction="legal")
    assert "no phone to note calls of" in sign_in(cast.charlie).get(NEW).content.decode()
    assert "Hotline" in alice.get(NEW).content.decode()
    ticket = make_ticket(cast.inbox)
    answer = alice.post(f"{NEW}?ticket={ticket.pk}", told(secret))
    assert answer.status_code == 422


def test_what_rings_is_shown_to_who_would_answer(cast: Cast, alice: Client) -> None:
    phone = make_phone(cast)
    noted(cast, phone, name="Hoa")
    entry = tells(phone, "ringing").entry
    assert entry is not None
    html = alice.get(reverse("conversations:ringing")).json()["html"]
    assert "Hoa is calling" in html
    assert f"/conversations/{entry.conversation_id}/" in html
    assert sign_in(cast.charlie).get(reverse("conversations:ringing")).json() == {"html": ""}
    tells(phone, "missed")
    assert alice.get(reverse("conversations:ringing")).json() == {"html": ""}


def test_what_came_of_it_is_said_by_a_plain_form(cast: Cast, alice: Client) -> None:
    entry = tells(make_phone(cast), "missed").entry
    assert entry is not None
    address = reverse("conversations:call", args=[entry.pk])
    page = alice.get(f"/conversations/{entry.conversation_id}/").content.decode()
    assert "Missed call" in page
    assert address in page
    assert alice.post(address, {"outcome": "talked", "summary": ""}).status_code == 422
    answer = alice.post(address, {"outcome": "talked", "summary": "All well.", "recording": ""})
    assert answer.status_code == 302
    page = alice.get(f"/conversations/{entry.conversation_id}/").content.decode()
    assert "All well." in page


def test_a_message_is_no_call(cast: Cast, alice: Client) -> None:
    entry = make_ticket(cast.inbox).entries.get(kind="message")
    assert alice.get(reverse("conversations:call", args=[entry.pk])).status_code == 404


def test_the_secret_of_a_telephone_is_made_by_admins_alone(cast: Cast, alice: Client) -> None:
    phone = make_phone(cast)
    address = reverse("inboxes:new-hook-secret", args=[phone.pk])
    assert alice.post(address).status_code == 403
    admin = sign_in(make_agent("Ada", role=Role.ADMIN))
    page = admin.post(address).content.decode()
    assert re.search(r'id="hook-secret"[^>]*>whsec_', page)
    assert "whsec_" not in admin.get(reverse("inboxes:inbox", args=[phone.pk])).content.decode()
