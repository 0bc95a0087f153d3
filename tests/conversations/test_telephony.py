"""Calls that a telephone system tells of: one entry, whatever order its events come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from conversations.customers import Address
from conversations.models import Entry, Identity, Ringing, Ticket
from conversations.thread import database_now
from tests.builders import head_of, make_cast, ticket_of
from tests.conversations.bells import listening
from tests.conversations.calling import NUMBER, make_phone, noted, tells

if TYPE_CHECKING:
    from tests.builders import Cast

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def rings_for(agent: Any) -> list[Ringing]:
    return list(Ringing.objects.shown_to(agent, database_now()))


def test_a_call_rings_is_answered_and_ends_in_one_entry(cast: Cast) -> None:
    phone = make_phone(cast)
    entry = tells(phone, "ringing", occurred_at=AT).entry
    assert entry is not None
    heads = [head_of(entry.conversation_id)]
    assert len(rings_for(cast.alice)) == len(rings_for(cast.bob)) == 1
    assert rings_for(cast.charlie) == []
    for state, agent in (("answered", cast.alice.email.upper()), ("ended", "")):
        tells(phone, state, agent=agent, occurred_at=AT + timedelta(minutes=1))
        heads.append(head_of(entry.conversation_id))
        assert rings_for(cast.alice) == []
    assert heads == sorted(set(heads))
    entry = Entry.objects.get(kind="call")
    assert (entry.data["call"]["state"], entry.agent) == ("ended", cast.alice)
    ticket = ticket_of(entry)
    assert (ticket.agent, ticket.status) == (cast.alice, "open")


@pytest.mark.django_db(transaction=True)
def test_the_list_of_who_took_a_call_hears_that_it_is_theirs(cast: Cast) -> None:
    phone = make_phone(cast)
    with listening() as heard:
        tells(phone, "ringing")
        heard.told()
        tells(phone, "answered", agent=cast.alice.email)
        assert {row["owner"] for row in heard.told("row")} == {cast.alice.pk}


def test_a_missed_call_waits_for_its_team(cast: Cast) -> None:
    phone = make_phone(cast)
    before = ticket_of(noted(cast, phone, then="resolved"))
    tells(phone, "ringing")
    tells(phone, "missed")
    tells(phone, "ended")
    entry = Entry.objects.get(kind="call", data__call__state="missed")
    assert ticket_of(entry) == before
    assert Ticket.objects.get().status == "open"
    assert not Ringing.objects.exists()


@pytest.mark.parametrize("order", list(permutations(["ringing", "answered", "ended"])))
def test_any_order_comes_to_the_same(cast: Cast, order: tuple[str, ...]) -> None:
    phone = make_phone(cast)
    agents = {"answered": cast.bob.email}
    for state in order:
        tells(phone, state, agent=agents.get(state, ""), occurred_at=AT)
    entry = Entry.objects.get(kind="call")
    assert (entry.data["call"]["state"], entry.agent) == ("ended", cast.bob)
    assert set(entry.data["call"]["times"]) == set(order)
    assert not Ringing.objects.exists()


def test_missed_at_one_telephone_and_answered_at_another_is_answered(cast: Cast) -> None:
    phone = make_phone(cast)
    for state in ("ringing", "missed", "answered"):
        tells(phone, state)
    assert Entry.objects.get(kind="call").data["call"]["state"] == "answered"


def test_the_same_event_again_changes_nothing(cast: Cast) -> None:
    phone = make_phone(cast)
    entry = tells(phone, "ringing").entry
    assert entry is not None
    before = head_of(entry.conversation_id)
    assert tells(phone, "ringing").state == "duplicate"
    assert head_of(entry.conversation_id) == before


def test_a_call_that_rings_at_somebody_is_shown_to_them_alone(cast: Cast) -> None:
    tells(make_phone(cast), "ringing", agent=cast.bob.email)
    assert (len(rings_for(cast.bob)), rings_for(cast.alice)) == (1, [])


def test_one_whose_end_was_never_told_is_over_after_a_while(cast: Cast) -> None:
    tells(make_phone(cast), "ringing")
    Ringing.objects.update(since=database_now() - timedelta(minutes=3))
    assert rings_for(cast.alice) == []


def test_a_call_of_ours_asks_for_no_answer(cast: Cast) -> None:
    phone = make_phone(cast)
    ticket = ticket_of(noted(cast, phone, then="pending"))
    tells(phone, "ringing", direction="out", agent=cast.alice.email)
    ticket.refresh_from_db()
    assert ticket.status == "pending"
    assert rings_for(cast.alice) == []


def test_a_caller_s_number_proves_nothing(cast: Cast) -> None:
    entry = tells(make_phone(cast), "answered").entry
    assert entry is not None
    assert (entry.proof, Identity.objects.get().proof) == ("claimed", "claimed")


def test_who_is_blocked_does_not_ring(cast: Cast) -> None:
    phone = make_phone(cast)
    noted(cast, phone)
    Identity.objects.update(blocked_at=database_now())
    assert tells(phone, "ringing").reason == "blocked_sender"
    assert not Ringing.objects.exists()


def test_an_event_with_another_number_is_of_the_same_call(cast: Cast) -> None:
    phone = make_phone(cast)
    tells(phone, "ringing")
    tells(phone, "answered", other=Address("phone", "+84900000000"))
    assert Entry.objects.get(kind="call").data["call"]["number"] == NUMBER


def test_a_recording_that_is_no_address_is_left_out(cast: Cast) -> None:
    phone = make_phone(cast)
    tells(phone, "ended", recording="javascript:alert(1)")
    entry = Entry.objects.get(kind="call")
    assert entry.data["call"]["recording"] == ""
    tells(phone, "answered", recording="https://pbx.example/1.mp3")
    entry.refresh_from_db()
    assert entry.data["call"]["recording"] == "https://pbx.example/1.mp3"
