"""Calls that people note: where they go, whose turn it is then, and that a number proves nothing."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from conversations import calls, customers, promises, tickets
from conversations.calls import Vow
from conversations.customers import Address
from conversations.errors import BadInput
from conversations.models import Conversation, Customer, Entry, Identity, Promise, Ticket
from tests.builders import conversation_of, head_of, make_cast, make_inbox, make_ticket, ticket_of
from tests.conversations.calling import NUMBER, make_phone, noted

if TYPE_CHECKING:
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_a_call_of_a_new_number_makes_a_customer_with_a_matter(cast: Cast) -> None:
    phone = make_phone(cast)
    entry = noted(cast, phone, number="0901 112 223", name="Hoa")
    identity = Identity.objects.get()
    assert (identity.kind, identity.value, identity.proof) == ("phone", NUMBER, "claimed")
    assert Customer.objects.get().name == "Hoa"
    ticket = ticket_of(entry)
    assert (ticket.team, ticket.agent, ticket.status) == (cast.support, cast.alice, "open")
    assert (entry.kind, entry.direction, entry.proof) == ("call", "in", "claimed")
    assert entry.data["call"]["outcome"] == "talked"


def test_a_number_the_desk_knows_leads_to_its_customer(cast: Cast) -> None:
    phone = make_phone(cast)
    ticket = make_ticket(cast.inbox)
    customers.add_address(conversation_of(), Address("phone", NUMBER), by=cast.alice)
    before = head_of(ticket.conversation_id)
    entry = noted(cast, phone)
    assert entry.ticket == ticket
    assert head_of(ticket.conversation_id) > before
    assert Conversation.objects.count() == 1


def test_a_missed_call_opens_a_matter_again(cast: Cast) -> None:
    phone = make_phone(cast)
    ticket = ticket_of(noted(cast, phone, then="resolved"))
    assert ticket.status == "resolved"
    missed = noted(cast, phone, outcome="missed", summary="")
    assert missed.ticket == ticket
    ticket.refresh_from_db()
    assert (ticket.status, ticket.deadline_kind) == ("open", "respond")


def test_a_missed_call_of_a_stranger_is_a_matter_of_the_team(cast: Cast) -> None:
    phone = make_phone(cast)
    ticket = ticket_of(noted(cast, phone, outcome="missed", summary="", by=cast.charlie))
    assert (ticket.team, ticket.agent, ticket.status) == (cast.support, None, "open")


@pytest.mark.parametrize("then", ["open", "pending", "resolved"])
def test_who_had_the_call_says_what_is_next(cast: Cast, then: str) -> None:
    assert ticket_of(noted(cast, make_phone(cast), then=then)).status == then


def test_who_may_not_act_changes_nobodys_turn(cast: Cast) -> None:
    phone = make_phone(cast)
    ticket = ticket_of(noted(cast, phone))
    noted(cast, phone, by=cast.charlie, then="resolved")
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent) == ("open", cast.alice)


def test_a_promise_made_in_a_call_is_kept_with_it(cast: Cast) -> None:
    due = timezone.now() + timedelta(hours=3)
    entry = noted(
        cast, make_phone(cast), then="resolved", vows=(Vow("Call back with the price", due),)
    )
    promise = Promise.objects.get()
    assert (promise.entry, promise.due_at, promise.channel) == (entry, due, "phone")
    ticket = Ticket.objects.get()
    assert (ticket.status, ticket.deadline_kind) == ("pending", "promise")


def test_what_is_wrong_keeps_nothing(cast: Cast) -> None:
    phone = make_phone(cast)
    past = timezone.now() - timedelta(hours=1)
    for wrong in (
        {"number": "12"},
        {"number": ""},
        {"number": "bank"},
        {"summary": " "},
        {"summary": "a\x00b"},
        {"outcome": "perhaps"},
        {"direction": ""},
        {"then": "gone"},
        {"recording": "javascript:alert(1)"},
        {"recording": "https:///x"},
        {"recording": "https://a b"},
        {"vows": (Vow("Call back", past),)},
    ):
        with pytest.raises(BadInput):
            noted(cast, phone, **wrong)
    assert not Entry.objects.exists()
    assert not Customer.objects.exists()


def test_the_same_note_again_is_one_call(cast: Cast) -> None:
    phone, token = make_phone(cast), uuid.uuid4()
    first = noted(cast, phone, client_token=token)
    assert noted(cast, phone, client_token=token) == first
    assert noted(cast, phone, client_token=token, direction="out") == first
    assert Entry.objects.filter(kind="call").count() == 1


def test_the_same_note_again_promises_nothing_anew(cast: Cast) -> None:
    """What was promised in it may be settled by then."""
    phone, token = make_phone(cast), uuid.uuid4()
    vow = Vow("Call back with the price", timezone.now() + timedelta(hours=2))
    first = noted(cast, phone, client_token=token, vows=(vow,))
    promises.keep(Promise.objects.get(), by=cast.alice)
    assert noted(cast, phone, client_token=token, vows=(vow,)) == first
    assert Promise.objects.get().state == "kept"


def test_a_call_noted_in_a_conversation_stays_there(cast: Cast) -> None:
    phone, ticket = make_phone(cast), make_ticket(cast.inbox)
    entry = noted(cast, phone, ticket=ticket)
    assert (entry.ticket, entry.identity and entry.identity.value) == (ticket, NUMBER)
    assert Identity.objects.get(value=NUMBER).proof == "claimed"
    withheld = noted(cast, phone, ticket=ticket, number="")
    assert (withheld.ticket, withheld.identity) == (ticket, None)
    assert Conversation.objects.count() == 1


def test_a_number_of_another_customer_joins_nobody(cast: Cast) -> None:
    """Whoever calls may show any number, and say that they are Kim."""
    phone = make_phone(cast)
    theirs = ticket_of(noted(cast, phone))
    mine = make_ticket(cast.inbox)
    entry = noted(cast, phone, ticket=mine)
    assert (entry.ticket, entry.identity) == (mine, None)
    assert entry.data["call"]["number"] == NUMBER
    identity = Identity.objects.get(value=NUMBER)
    assert identity.conversation_id == theirs.conversation_id != mine.conversation_id
    assert not Conversation.objects.exclude(merged_into=None).exists()


def test_restricted_and_open_are_not_mixed(cast: Cast) -> None:
    quiet = make_ticket(make_inbox(cast.support, "Legal", restriction="legal"))
    with pytest.raises(BadInput, match="Restricted"):
        noted(cast, make_phone(cast), ticket=quiet)
    secret = make_phone(cast, restriction="legal", address="+842873009999")
    with pytest.raises(BadInput, match="Only the team"):
        noted(cast, secret, by=cast.charlie)
    with pytest.raises(BadInput, match="Restricted"):
        noted(cast, secret, ticket=quiet)
    assert ticket_of(noted(cast, secret)).restriction == "legal"


def test_what_came_of_a_call_may_be_said_later(cast: Cast) -> None:
    entry = noted(cast, make_phone(cast), outcome="missed", summary="")
    before = head_of(entry.conversation_id)
    said = calls.sum_up(entry, by=cast.bob, outcome="talked", summary="Called back: all well.")
    assert (said.text, said.data["call"]["outcome"]) == ("Called back: all well.", "talked")
    assert said.rev > before
    again = calls.sum_up(said, by=cast.bob, outcome="talked", summary="Called back: all well.")
    assert again.rev == said.rev
    other = calls.sum_up(said, by=cast.bob, outcome="talked", summary="It broke again.")
    assert [one["was"] for one in other.data["edits"]] == ["Called back: all well."]
    with pytest.raises(BadInput):
        calls.sum_up(other, by=cast.bob, outcome="talked", summary="")
    tickets.resolve(ticket_of(other), by=cast.alice)


def test_nothing_can_be_written_by_a_telephone(cast: Cast) -> None:
    phone = make_phone(cast)
    entry = noted(cast, phone)
    assert entry.identity is not None
    assert not phone.writes_to(entry.identity)
