"""What programs change: each by its verb, and never on stale context."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from conversations import api_tokens, replies
from conversations.models import (
    Conversation,
    Entry,
    HeldSend,
    Inbox,
    Status,
    Ticket,
)
from tests.builders import Cast, head_of, identity_of, make_inbox, make_ticket, write_in
from tests.conversations.api.calls import Caller, Program, answering, said
from tests.conversations.promising import promised
from tests.patience import wait_for_a_lock

pytestmark = pytest.mark.django_db


# Answering


def test_an_answer_goes_back_the_way_the_customer_came(alice: Program, ticket: Ticket) -> None:
    told = alice.post(f"tickets/{ticket.pk}/reply/", answering(ticket)).json()
    entry = Entry.objects.get(pk=told["entry"]["id"])
    assert (entry.identity, entry.inbox, entry.subject) == (
        identity_of(),
        ticket.inbox,
        "Re: Order 12",
    )
    assert entry.delivery.payload["answers"] is not None
    ticket.refresh_from_db()
    assert (ticket.status, ticket.agent_id) == (Status.PENDING, alice.token.agent_id)
    assert told["head"] == head_of(ticket.conversation_id)


def test_who_answers_says_what_becomes_of_the_ticket(alice: Program, ticket: Ticket) -> None:
    alice.post(f"tickets/{ticket.pk}/reply/", answering(ticket, then="resolved"))
    ticket.refresh_from_db()
    assert ticket.status == Status.RESOLVED


def test_nothing_promised_is_forgotten_by_a_program(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    made = promised(ticket, cast)
    path = f"tickets/{ticket.pk}/resolve/"
    for refused in (
        alice.post(path),
        alice.post(f"tickets/{ticket.pk}/reply/", answering(ticket, then="resolved")),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "promises_open")
    assert alice.post(path, {"promises": "maybe"}).status_code == 422
    told = alice.get(f"tickets/{ticket.pk}/").json()
    assert datetime.fromisoformat(told["promised_at"]) == made.due_at
    told = alice.post(path, {"promises": "kept"}).json()
    assert (told["status"], told["promised_at"]) == ("resolved", None)


def test_another_address_or_inbox_may_be_named(alice: Program, cast: Cast, ticket: Ticket) -> None:
    path = f"tickets/{ticket.pk}/reply/"
    other = make_inbox(cast.support)
    made = alice.post(path, answering(ticket, inbox=other.pk, cc=["boss@example.org"])).json()
    assert (made["entry"]["inbox"], made["entry"]["cc"]) == (other.pk, ["boss@example.org"])
    stranger = make_ticket(cast.inbox, "lee@example.org")
    refused = alice.post(path, answering(ticket, identity=identity_of("lee@example.org").pk))
    assert (refused.status_code, refused.json()["code"]) == (422, "not_reachable")
    assert said(stranger) == []


def test_nobody_answers_on_stale_context(alice: Program, cast: Cast, ticket: Ticket) -> None:
    seen = answering(ticket)
    newer = write_in(cast.inbox, text="Wait, I found it.")
    path = f"tickets/{ticket.pk}/reply/"
    refused = alice.post(path, seen)
    told = refused.json()
    assert (refused.status_code, told["code"]) == (409, "stale_context")
    assert [(one["id"], one["text"]) for one in told["newer"]] == [(newer.pk, "Wait, I found it.")]
    assert told["head"] == head_of(ticket.conversation_id)
    assert said(ticket) == []
    assert alice.post(path, {**seen, "seen_head": told["head"]}).status_code == 201
    write_in(cast.inbox)
    assert alice.post(path, {**seen, "anyway": True}).status_code == 201
    assert len(said(ticket)) == 2


def test_a_token_that_may_only_send_is_not_told_what_is_newer(cast: Cast, ticket: Ticket) -> None:
    seen = answering(ticket)
    write_in(cast.inbox, text="Wait, I found it.")
    refused = Program(cast.alice, ["send"]).post(f"tickets/{ticket.pk}/reply/", seen)
    told = refused.json()
    assert (refused.status_code, told["head"]) == (409, head_of(ticket.conversation_id))
    assert told["newer"] == []
    assert "I found it" not in refused.content.decode()


def test_a_note_of_a_colleague_stops_an_answer_and_ones_own_does_not(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    seen = answering(ticket)
    replies.note(ticket, by=cast.alice, text="Mine.", client_token=uuid.uuid4())
    assert alice.post(f"tickets/{ticket.pk}/reply/", seen).status_code == 201
    seen = answering(ticket)
    replies.note(ticket, by=cast.bob, text="Wait!", client_token=uuid.uuid4())
    assert alice.post(f"tickets/{ticket.pk}/reply/", seen).status_code == 409


def test_a_head_that_never_was_is_refused(alice: Program, ticket: Ticket) -> None:
    told = alice.post(f"tickets/{ticket.pk}/reply/", answering(ticket, seen_head=10**9))
    assert (told.status_code, told.json()["code"]) == (409, "reset")


def test_a_claimed_address_is_written_to_only_when_confirmed(
    alice: Program, ticket: Ticket
) -> None:
    type(identity_of()).objects.update(proof="claimed", wrote_at=None)
    path = f"tickets/{ticket.pk}/reply/"
    told = alice.post(path, answering(ticket))
    assert (told.status_code, told.json()["code"]) == (409, "claimed_address")
    assert alice.post(path, answering(ticket, confirmed=True)).status_code == 201


def test_a_held_answer_can_be_looked_at_taken_back_or_sent(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    Inbox.objects.update(undo_window=timedelta(minutes=5))
    path = f"tickets/{ticket.pk}/reply/"
    first = alice.post(path, answering(ticket))
    assert first.status_code == 202
    held = first.json()["held"]
    assert (first.json()["entry"], held["state"]) == (None, "held")
    assert alice.send("DELETE", f"held/{held['id']}/").json()["state"] == "undone"
    held = alice.post(path, answering(ticket)).json()["held"]
    write_in(cast.inbox)
    HeldSend.objects.update(release_at=timezone.now() - timedelta(seconds=1))
    replies.release_due()
    assert alice.get(f"held/{held['id']}/").json()["state"] == "stopped"
    head = {"seen_head": head_of(ticket.conversation_id)}
    sent = alice.post(f"held/{held['id']}/send/", head).json()
    assert (sent["state"], sent["entry"]) == ("released", Entry.objects.get(direction="out").pk)
    assert alice.send("DELETE", f"held/{held['id']}/").status_code == 422


def test_the_head_is_that_of_the_customer_it_was_joined_to_meanwhile(desk: Cast) -> None:
    """The join comes after the ticket was loaded and before its conversation is locked. Only who
    guesses the head that the join makes gets as far as this."""
    from django.db import transaction

    from conversations import merges

    Inbox.objects.update(undo_window=timedelta(minutes=5))
    live = make_ticket(desk.inbox, "lee@example.org").conversation
    for _ in range(5):
        write_in(desk.inbox, "lee@example.org")
    ticket = make_ticket(desk.inbox)
    told = answering(ticket, seen_head=head_of(live.pk) + 1, anyway=True)
    caller = Caller(Program(desk.alice), f"tickets/{ticket.pk}/reply/", told, "one")
    with transaction.atomic():
        Conversation.objects.select_for_update().get(pk=ticket.origin_id)
        caller.start()
        wait_for_a_lock()
        merges.merge(live, ticket.conversation, by=desk.alice, reason="One person.")
    caller.join(30)
    assert caller.told.status_code == 202, caller.told.content
    assert caller.told.json()["head"] == head_of(live.pk)


# The rest


def test_a_ticket_is_taken_handed_on_and_given_back(
    alice: Program, cast: Cast, ticket: Ticket
) -> None:
    path = f"tickets/{ticket.pk}"
    taken = alice.post(f"{path}/take/", {"epoch": 1}).json()
    assert (taken["agent"], taken["epoch"]) == (cast.alice.pk, 2)
    stale = alice.post(f"{path}/assign/", {"epoch": 1, "agent": cast.bob.pk})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_owner")
    assert alice.post(f"{path}/assign/", {"epoch": 2, "agent": cast.bob.pk}).json()["epoch"] == 3
    assert alice.post(f"{path}/release/", {"epoch": 3}).json()["agent"] is None
    outsider = alice.post(f"{path}/assign/", {"epoch": 4, "agent": cast.charlie.pk})
    assert (outsider.status_code, outsider.json()["code"]) == (422, "bad_input")
    moved = alice.post(
        f"{path}/assign/", {"epoch": 4, "team": cast.billing.pk, "agent": cast.charlie.pk}
    ).json()
    assert (moved["team"], moved["agent"]) == (cast.billing.pk, cast.charlie.pk)
    assert alice.post(f"{path}/resolve/").status_code == 403


def test_a_ticket_is_put_off_finished_opened_and_renamed(alice: Program, ticket: Ticket) -> None:
    path = f"tickets/{ticket.pk}"
    until = (timezone.now() + timedelta(days=3)).replace(microsecond=0)
    snoozed = alice.post(f"{path}/snooze/", {"until": until.isoformat()}).json()
    assert (snoozed["status"], snoozed["deadline_at"]) == (
        "snoozed", until.isoformat().replace("+00:00", "Z"),
    )  # fmt: skip
    assert alice.post(f"{path}/resolve/").json()["status"] == "resolved"
    assert alice.post(f"{path}/reopen/").json()["status"] == "open"
    assert alice.post(f"{path}/pending/").json()["status"] == "pending"
    assert alice.send("PATCH", f"{path}/", {"subject": "New"}).json()["subject"] == "New"
    past = alice.post(f"{path}/snooze/", {"until": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["code"]) == (422, "bad_input")


def test_customers_are_written_down_found_and_changed(alice: Program) -> None:
    body = {"name": "Lan", "identities": [{"kind": "email", "value": "Lan@Example.org"}]}
    made = alice.post("customers/", body).json()
    assert [
        one["id"] for one in alice.get("customers/", address="LAN@example.org").json()["results"]
    ] == [made["id"]]
    assert alice.post("customers/", body).json()["code"] == "bad_input"
    changed = alice.send("PATCH", f"customers/{made['id']}/", {"memo": "Likes tea."}).json()
    assert (changed["name"], changed["memo"]) == ("Lan", "Likes tea.")
    path = f"customers/{made['id']}/identities/"
    assert (
        alice.post(path, {"kind": "phone", "value": "+84 912 345 678"}).json()["proof"]
        == "attested"
    )
    assert [one["value"] for one in alice.get(path).json()["results"]] == [
        "lan@example.org",
        "+84912345678",
    ]
    for written in ("+84 912 345 678", "+84-912-345-678", "+84912345678"):
        found = alice.get("customers/", address=written).json()["results"]
        assert [one["id"] for one in found] == [made["id"]], written


def test_somebody_elses_token_is_made_by_admins_only(cast: Cast) -> None:
    from conversations.errors import BadInput, NotAllowed

    words = {"name": "Shop", "scopes": ["read"], "lasts": None}
    with pytest.raises(NotAllowed):
        api_tokens.make(cast.bob, by=cast.alice, **words)  # type: ignore[arg-type]
    for wrong in ({"scopes": []}, {"scopes": ["root"]}, {"name": " "}):
        with pytest.raises(BadInput):
            api_tokens.make(cast.alice, by=cast.alice, **{**words, **wrong})  # type: ignore[arg-type]
