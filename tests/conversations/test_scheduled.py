"""Answers that go out later: at their time, unless something came in before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from conversations import drafts, handoffs, ownership, people, replies, tickets
from conversations.errors import BadInput, NotReachable
from conversations.models import Draft, Entry, HeldSend, HeldState, Inbox, Ticket
from conversations.thread import database_now
from tests import builders
from tests.conversations.api.calls import Program
from tests.conversations.desk import sign_in
from tests.conversations.happened import watched
from tests.conversations.offering import accepted, offered, owner
from tests.patience import wait_for_a_lock

if TYPE_CHECKING:
    from datetime import datetime

    from tests.builders import Cast


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's, who has asked nothing of anybody yet."""
    return ownership.take(builders.make_ticket(cast.inbox), by=cast.alice, epoch=1)


def soon() -> datetime:
    return database_now() + timedelta(hours=3)


def scheduled(cast: Cast, ticket: Ticket, at: datetime | None = None, **fields: Any) -> HeldSend:
    fields.setdefault("to", builders.identity_of())
    held = builders.answer(ticket, by=cast.alice, inbox=cast.inbox, at=at or soon(), **fields)
    assert isinstance(held, HeldSend)
    return held


def its_time_comes() -> int:
    HeldSend.objects.update(release_at=database_now() - timedelta(seconds=1))
    return replies.release_due()


def now(held: HeldSend) -> HeldSend:
    held.refresh_from_db()
    return held


def test_it_goes_out_at_its_time(cast: Cast, ticket: Ticket) -> None:
    at = soon()
    held = scheduled(cast, ticket, at)
    assert (held.state, held.scheduled, held.release_at) == (HeldState.HELD, True, at)
    assert replies.release_due() == 0
    with watched(ticket) as seen:
        assert its_time_comes() == 1
    assert seen.kinds == ["out"]
    assert now(held).entry == seen.entries[0]


@pytest.mark.parametrize("off", [timedelta(0), timedelta(days=-1), timedelta(days=367)])
def test_a_time_that_is_none_is_refused(cast: Cast, ticket: Ticket, off: timedelta) -> None:
    with pytest.raises(BadInput):
        scheduled(cast, ticket, database_now() + off)
    assert not HeldSend.objects.exists()


def test_what_comes_in_stops_it_and_brings_the_ticket_back(cast: Cast, ticket: Ticket) -> None:
    held = scheduled(cast, ticket)
    replies.note(ticket, by=cast.bob, text="Wait!", client_token=held.client_token)
    tickets.snooze(ticket, until=database_now() + timedelta(days=2), by=cast.alice)
    its_time_comes()
    ticket.refresh_from_db()
    assert (now(held).state, ticket.status) == (HeldState.STOPPED, "open")
    assert not Entry.objects.filter(direction="out").exists()


def test_it_is_sent_before_its_time_by_its_author(cast: Cast, ticket: Ticket) -> None:
    held = scheduled(cast, ticket)
    head = builders.head_of(ticket.conversation_id)
    assert replies.send_held(held, seen_head=head) == Entry.objects.get(direction="out")
    assert its_time_comes() == 0


def test_what_can_not_go_out_any_more_says_so_to_its_author(cast: Cast, ticket: Ticket) -> None:
    held = scheduled(cast, ticket)
    Inbox.objects.update(is_active=False)
    its_time_comes()
    assert now(held).state == HeldState.STOPPED
    with pytest.raises(NotReachable):
        replies.send_held(held, seen_head=builders.head_of(ticket.conversation_id))
    assert now(held).state == HeldState.STOPPED


def test_it_goes_along_however_the_ticket_changes_hands(cast: Cast, ticket: Ticket) -> None:
    held = scheduled(cast, ticket)
    ownership.take(ticket, by=cast.bob, epoch=2)
    assert (now(held).state, held.agent) == (HeldState.STOPPED, cast.bob)
    assert its_time_comes() == 0
    drafts.bring_back(replies.undo(held))
    assert drafts.drafts_of(ticket, cast.bob)["reply"].text == "It is on its way."


def test_who_accepts_is_told_of_it_and_decides(cast: Cast, ticket: Ticket) -> None:
    held = scheduled(cast, ticket)
    offer = offered(ticket, cast)
    (told,) = offer.gathered["scheduled"]
    assert (told["agent_name"], told["text"]) == ("Alice", "It is on its way.")
    page = sign_in(cast.bob).get(f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}")
    assert "Alice wanted this to go out" in page.content.decode()
    accepted(offer, cast.bob)
    assert (now(held).state, held.agent) == (HeldState.STOPPED, cast.bob)


def test_nothing_goes_out_in_the_name_of_who_has_left(cast: Cast, ticket: Ticket) -> None:
    boss = builders.make_agent("Dana", role="admin")
    held = scheduled(cast, ticket)
    people.disable(cast.alice, by=boss)
    its_time_comes()
    assert now(held).state == HeldState.STOPPED
    offer = ticket.offers.get()
    assert offer.gathered["scheduled"]
    builders.run_out(offer)
    handoffs.expire_due()
    ticket.refresh_from_db()
    ownership.take(ticket, by=cast.bob, epoch=ticket.owner_epoch)
    assert now(held).agent == cast.bob
    assert owner(ticket) == (cast.support.pk, cast.bob.pk)


def test_who_may_not_read_the_ticket_any_more_sends_nothing_there(cast: Cast) -> None:
    """Nor does it count as read what came in since then."""
    legal = builders.make_inbox(cast.support, restriction="legal")
    ticket = ownership.take(builders.make_ticket(legal), by=cast.alice, epoch=1)
    held = builders.answer(ticket, by=cast.alice, inbox=legal, to=builders.identity_of(), at=soon())
    ownership.leave(cast.support, cast.alice, by=builders.make_agent("Dana", role="admin"))
    assert its_time_comes() == 0
    assert isinstance(held, HeldSend)
    assert now(held).state == HeldState.STOPPED
    assert not Entry.objects.filter(direction="out").exists()
    ticket.refresh_from_db()
    ownership.take(ticket, by=cast.bob, epoch=ticket.owner_epoch)
    assert now(held).agent == cast.bob


@pytest.mark.django_db(transaction=True)
def test_what_is_taken_back_waits_on_where_it_did_not_get_into_the_composer(
    cast: Cast, ticket: Ticket
) -> None:
    """The database ends it between the two."""
    held = scheduled(cast, ticket)
    drafts.save(ticket, by=cast.alice, mode="reply", text="And", fields={}, version=0)
    client = sign_in(cast.alice)
    client.raise_request_exception = False

    def take_back() -> int:
        try:
            return client.post(f"/held/{held.pk}/undo/").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        list(Draft.objects.select_for_update())
        answer = pool.submit(take_back)
        (waiting,) = wait_for_a_lock()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [waiting])
        assert answer.result() == 500
    assert now(held).state == HeldState.HELD
    assert drafts.drafts_of(ticket, cast.alice)["reply"].text == "And"


def test_the_composer_proposes_times_and_takes_another(cast: Cast, ticket: Ticket) -> None:
    alice = sign_in(cast.alice)
    place = f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"
    page = alice.get(place).content.decode()
    assert "Tomorrow morning" in page
    assert 'name="later_at"' in page
    form = {
        "text": "Good morning!",
        "identity": builders.identity_of().pk,
        "inbox": cast.inbox.pk,
        "seen": builders.head_of(ticket.conversation_id),
        "client_token": "6f2c0f66-23a8-4f0e-9a51-6f4c3f7a1f10",
        "later": "at",
    }
    refused = alice.post(f"/tickets/{ticket.pk}/reply/", form)
    assert refused.status_code == 422
    assert "When to send it" in refused.content.decode()
    assert "Good morning!</textarea>" in refused.content.decode()
    tomorrow = timezone.localtime() + timedelta(days=1)
    told = form | {"later_at": f"{tomorrow:%Y-%m-%d}T09:00"}
    assert alice.post(f"/tickets/{ticket.pk}/reply/", told).status_code == 302
    held = HeldSend.objects.get()
    assert timezone.localtime(held.release_at).strftime("%d %H:%M") == f"{tomorrow:%d} 09:00"
    page = alice.get(place).content.decode()
    assert "Goes out" in page
    assert "Send now" in page
    assert alice.post(f"/held/{held.pk}/send/").status_code == 302
    assert Entry.objects.get(direction="out").text == "Good morning!"


def test_a_program_sends_later_too(cast: Cast, ticket: Ticket) -> None:
    program = Program(cast.alice)
    sent = {
        "text": "Good morning!",
        "seen_head": builders.head_of(ticket.conversation_id),
        "send_at": soon().isoformat(),
    }
    answer = program.post(f"tickets/{ticket.pk}/reply/", sent)
    assert answer.status_code == 202
    assert answer.json()["held"]["scheduled"] is True
    sent["send_at"] = "2020-01-01T00:00:00Z"
    assert program.post(f"tickets/{ticket.pk}/reply/", sent).status_code == 422
