"""Programs hand tickets over and keep promises, each by its verb."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations import ownership
from conversations.api import paging
from conversations.models import Offer, Promise, Shift, Ticket
from tests.builders import Cast, head_of, make_ticket, run_out
from tests.conversations.api.calls import Program
from tests.conversations.on_shift import changing
from tests.conversations.promising import overdue, promised

pytestmark = pytest.mark.django_db
PACKET = {"asks": {"text": "Where it is"}, "next": {"text": "Look"}, "reason": {"text": "Yours"}}


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's."""
    return ownership.take(make_ticket(cast.inbox), by=cast.alice, epoch=1)


@pytest.fixture
def bob(cast: Cast) -> Program:
    return Program(cast.bob)


def offer_to(program: Program, ticket: Ticket, **body: Any) -> dict[str, Any]:
    told = program.post(f"tickets/{ticket.pk}/offers/", {"epoch": 2, **body})
    assert told.status_code == 201, told.content
    made: dict[str, Any] = told.json()
    return made


def results(program: Program, path: str) -> list[int]:
    return [one["id"] for one in program.get(path).json()["results"]]


def code(told: Any) -> tuple[int, str]:
    return told.status_code, told.json()["code"]


def test_an_offer_is_made_found_and_accepted(
    alice: Program, bob: Program, cast: Cast, ticket: Ticket
) -> None:
    entry = ticket.newest_id
    packet = {**PACKET, "asks": {"text": "Where it is", "entries": [entry]}}
    made = offer_to(alice, ticket, team=cast.support.pk, agent=cast.bob.pk, packet=packet)
    assert (made["state"], made["from_agent"], made["to_agent"]) == (
        "offered", cast.alice.pk, cast.bob.pk,
    )  # fmt: skip
    assert made["packet"]["asks"] == {"text": "Where it is", "entries": [entry]}
    assert made["packet"]["mood"] == {"text": "", "entries": []}
    assert set(made["gathered"]) >= {"drafts", "promises", "deadlines", "identities"}
    assert results(bob, "offers/") == [made["id"]] == results(alice, "offers/?whose=made")
    assert results(alice, "offers/") == []
    for program in (alice, bob):
        assert results(program, "offers/?whose=teams") == [made["id"]]
    early = bob.post(f"offers/{made['id']}/accept/", {"seen_head": 0})
    assert code(early) == (409, "reset")
    told = {"seen_head": head_of(ticket.conversation_id), "restatement": "I look where it is."}
    done = bob.post(f"offers/{made['id']}/accept/", told).json()
    assert (done["state"], done["closed_by"], done["restatement"]) == (
        "accepted", cast.bob.pk, "I look where it is.",
    )  # fmt: skip
    assert bob.post(f"offers/{made['id']}/accept/", told).json() == done
    ticket.refresh_from_db()
    assert (ticket.agent_id, ticket.owner_epoch) == (cast.bob.pk, 3)
    assert results(bob, "offers/") == []
    assert results(alice, f"tickets/{ticket.pk}/offers/") == [made["id"]]


def test_an_offer_is_declined_or_taken_back(
    alice: Program, bob: Program, cast: Cast, ticket: Ticket
) -> None:
    made = offer_to(alice, ticket, team=cast.support.pk, agent=cast.bob.pk)
    path = f"offers/{made['id']}"
    assert code(alice.post(f"{path}/decline/", {"reason": "x"})) == (403, "not_allowed")
    assert bob.post(f"{path}/decline/", {}).status_code == 422
    told = bob.post(f"{path}/decline/", {"reason": "At lunch"}).json()
    assert (told["state"], told["declines"][0]["reason"]) == ("declined", "At lunch")
    late = bob.post(f"{path}/accept/", {"seen_head": head_of(ticket.conversation_id)})
    assert code(late) == (409, "offer_over")
    to_team = {"team": cast.billing.pk, "packet": PACKET, "warm": False, "minutes": 5}
    made = offer_to(alice, ticket, **to_team)
    assert datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(
        made["offered_at"]
    ) == timedelta(minutes=5)
    ticket.refresh_from_db()
    assert ticket.agent is None
    assert code(bob.post(f"offers/{made['id']}/recall/")) == (403, "not_allowed")
    assert alice.post(f"offers/{made['id']}/recall/").json()["state"] == "recalled"
    ticket.refresh_from_db()
    assert ticket.agent == cast.alice


def test_the_next_shift_is_offered_it(
    alice: Program, bob: Program, cast: Cast, ticket: Ticket
) -> None:
    path, body = f"tickets/{ticket.pk}/offers/", {"team": cast.support.pk, "next_shift": True}
    assert code(alice.post(path, {"epoch": 2, **body})) == (422, "bad_input")
    changing(cast)
    assert code(alice.post(path, {"epoch": 2, **body})) == (422, "bad_input")  # untold
    both = alice.post(path, {"epoch": 2, **body, "agent": cast.bob.pk, "packet": PACKET})
    assert both.status_code == 422
    made = offer_to(alice, ticket, **body, packet=PACKET)
    shift = Shift.objects.get(name="Late")
    assert (made["to_shift"], made["to_agent"]) == (shift.pk, None)
    done = bob.post(f"offers/{made['id']}/accept/", {"seen_head": made["head"]}).json()
    assert (done["state"], done["seen_head"]) == ("accepted", made["head"])


def test_one_that_ran_out_is_not_there_to_answer(
    alice: Program, bob: Program, cast: Cast, ticket: Ticket
) -> None:
    made = offer_to(alice, ticket, team=cast.support.pk, agent=cast.bob.pk)
    run_out(Offer.objects.get())
    assert results(bob, "offers/") == []
    told = {"seen_head": head_of(ticket.conversation_id)}
    assert code(bob.post(f"offers/{made['id']}/accept/", told)) == (409, "offer_over")


def test_who_and_what_does_not_fit_is_said(alice: Program, cast: Cast, ticket: Ticket) -> None:
    path = f"tickets/{ticket.pk}/offers/"
    stale = alice.post(path, {"epoch": 1, "team": cast.support.pk, "agent": cast.bob.pk})
    assert code(stale) == (409, "stale_owner")
    untold = alice.post(path, {"epoch": 2, "team": cast.billing.pk})
    assert code(untold) == (422, "bad_input")
    itself = alice.post(path, {"epoch": 2, "team": cast.support.pk, "agent": cast.alice.pk})
    assert code(itself) == (422, "bad_input")
    nobody = alice.post(path, {"epoch": 2, "team": 10**9})
    assert nobody.json()["errors"][0]["field"] == "team"


def test_one_key_makes_one_offer_and_one_promise(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    due = (timezone.now() + timedelta(hours=3)).isoformat()
    asked = {
        "offers": {"epoch": 2, "team": cast.support.pk, "agent": cast.bob.pk},
        "promises": {"text": "Call back", "due_at": due},
    }
    for noun, body in asked.items():
        path = f"tickets/{ticket.pk}/{noun}/"
        assert code(alice.post(path, body, key="")) == (400, "key_missing")
        first, second = (alice.post(path, body, key=f"one {noun}") for _ in range(2))
        assert (first.json(), second["Idempotency-Replayed"]) == (second.json(), "true")
    assert (Offer.objects.count(), Promise.objects.count()) == (1, 1)


def test_a_packet_begins_with_what_the_thread_says(alice: Program, ticket: Ticket) -> None:
    told = alice.get(f"tickets/{ticket.pk}/packet/").json()
    assert set(told) == {"asks", "done", "next", "promised", "mood", "reason"}
    assert told["asks"]["entries"] == [ticket.newest_id]


def test_a_promise_is_made_put_off_and_kept(
    alice: Program, bob: Program, cast: Cast, ticket: Ticket
) -> None:
    due = (timezone.now() + timedelta(hours=3)).replace(microsecond=0)
    body = {"text": "Call back", "due_at": due.isoformat(), "channel": "phone"}
    told = alice.post(f"tickets/{ticket.pk}/promises/", {**body, "entry": ticket.newest_id})
    made = told.json()
    assert (told.status_code, made["state"], made["agent"], made["entry"]) == (
        201, "open", cast.alice.pk, ticket.newest_id,
    )  # fmt: skip
    assert results(alice, "promises/") == [made["id"]] == results(bob, "promises/?whose=teams")
    assert results(bob, "promises/") == results(alice, "promises/?whose=overdue") == []
    later = (due + timedelta(hours=1)).isoformat()
    path = f"promises/{made['id']}"
    put_off = bob.post(f"{path}/put-off/", {"due_at": later}).json()
    assert datetime.fromisoformat(put_off["due_at"]) == due + timedelta(hours=1)
    kept = alice.post(f"{path}/keep/").json()
    assert (kept["state"], kept["closed_by"]) == ("kept", cast.alice.pk)
    assert alice.get(f"{path}/").json() == kept == alice.post(f"{path}/keep/").json()
    refused = alice.post(f"{path}/drop/", {"reason": "x"})
    assert code(refused) == (409, "promise_over")
    assert results(alice, f"tickets/{ticket.pk}/promises/") == [made["id"]]


def test_a_promise_ends_otherwise(alice: Program, cast: Cast, ticket: Ticket) -> None:
    given_up, dropped = (promised(ticket, cast, text=text) for text in ("One", "Two"))
    assert alice.post(f"promises/{given_up.pk}/break/").json()["state"] == "broken"
    path = f"promises/{dropped.pk}/drop/"
    assert alice.post(path).status_code == 422
    told = alice.post(path, {"reason": "They called"}).json()
    assert (told["state"], told["reason"]) == ("withdrawn", "They called")
    late = overdue(promised(ticket, cast, text="Three"))
    assert results(alice, "promises/?whose=overdue") == [late.pk]
    due = (timezone.now() + timedelta(hours=3)).isoformat()
    stands = alice.post(f"promises/{late.pk}/put-off/", {"due_at": due}).json()
    assert stands["id"] != late.pk
    assert alice.get(f"promises/{late.pk}/").json()["state"] == "broken"


def test_a_promise_is_made_in_a_message_of_its_own_ticket(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    other = make_ticket(cast.inbox, "lee@example.org")
    due = (timezone.now() + timedelta(hours=3)).isoformat()
    body = {"text": "Call back", "due_at": due, "entry": other.newest_id}
    assert alice.post(f"tickets/{ticket.pk}/promises/", body).status_code == 404
    past = {"text": "Call back", "due_at": "2020-01-01T00:00:00Z"}
    assert code(alice.post(f"tickets/{ticket.pk}/promises/", past)) == (422, "bad_input")


def test_lists_come_in_pages(
    alice: Program,
    bob: Program,
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)
    for number in range(5):
        found = make_ticket(cast.inbox, f"{number}@example.org")
        mine = ownership.take(found, by=cast.alice, epoch=1)
        offer_to(alice, mine, team=cast.support.pk, agent=cast.bob.pk)
        promised(mine, cast)
    for program, path in ((bob, "offers/"), (alice, "promises/")):
        seen: list[int] = []
        where = path
        while where:
            told = program.get(where).json()
            seen += [one["id"] for one in told["results"]]
            where = told["next"]
        assert len(seen) == len(set(seen)) == 5
        assert seen == sorted(seen)
