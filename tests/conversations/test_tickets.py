from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from conversations import ownership, tickets
from conversations.errors import BadInput
from conversations.models import DeadlineKind, Status, Ticket
from conversations.thread import database_now
from tests import builders
from tests.conversations.happened import watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.builders import Cast


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    return builders.make_ticket(cast.inbox)


def verbs(cast: Cast) -> dict[str, Callable[[Ticket], Ticket]]:
    tomorrow = database_now() + timedelta(days=1)
    return {
        "resolved": lambda ticket: tickets.resolve(ticket, by=cast.alice),
        "reopened": lambda ticket: tickets.reopen(ticket, by=cast.alice),
        "pending": lambda ticket: tickets.set_pending(ticket, by=cast.alice),
        "snoozed": lambda ticket: tickets.snooze(ticket, until=tomorrow, by=cast.alice),
        "renamed": lambda ticket: tickets.rename(ticket, subject="New", by=cast.alice),
    }


@pytest.mark.parametrize("name", ["resolved", "pending", "snoozed", "renamed", "reopened"])
def test_each_change_is_one_event_and_twice_is_once(cast: Cast, ticket: Ticket, name: str) -> None:
    verb = verbs(cast)[name]
    if name == "reopened":
        tickets.resolve(ticket, by=cast.alice)
    with watched(ticket) as seen:
        verb(ticket)
        verb(ticket)
    assert (seen.kinds, seen.raised) == ([name], 2)
    assert seen.entries[0].actor == cast.alice.actor


def test_the_deadline_follows_the_status(cast: Cast, ticket: Ticket) -> None:
    before = database_now()
    change = verbs(cast)
    assert ticket.deadline_at == ticket.opened_at + cast.support.respond_within
    after = change["pending"](ticket)
    assert (after.status, after.deadline_kind) == (Status.PENDING, DeadlineKind.FOLLOW_UP)
    assert after.deadline_at is not None
    assert after.deadline_at >= before + cast.support.follow_up_after
    after = change["snoozed"](ticket)
    assert (after.status, after.deadline_kind) == (Status.SNOOZED, DeadlineKind.WAKE)
    after = change["resolved"](ticket)
    assert (after.status, after.deadline_kind, after.deadline_at) == (Status.RESOLVED, "", None)
    assert after.resolved_at is not None
    assert after.resolved_at >= before
    after = change["reopened"](ticket)
    assert (after.status, after.deadline_kind) == (Status.OPEN, DeadlineKind.RESPOND)
    assert after.resolved_at is None


def test_nothing_sleeps_into_the_past(cast: Cast, ticket: Ticket) -> None:
    with watched(ticket) as seen, pytest.raises(BadInput):
        tickets.snooze(ticket, until=database_now() - timedelta(seconds=1), by=cast.alice)
    assert (seen.kinds, seen.raised) == ([], 0)


@pytest.mark.parametrize(("first", "reason"), [("snoozed", "time"), ("pending", "no_answer")])
def test_what_is_due_wakes_once(cast: Cast, ticket: Ticket, first: str, reason: str) -> None:
    verbs(cast)[first](ticket)
    assert tickets.wake_due() == 0
    Ticket.objects.update(deadline_at=database_now() - timedelta(seconds=1))
    with watched(ticket) as seen:
        assert tickets.wake_due() == 1
        assert tickets.wake_due() == 0
    assert (seen.kinds, seen.raised) == (["woke"], 2)
    assert (seen.entries[0].actor, seen.entries[0].data["reason"]) == ("system", reason)
    ticket.refresh_from_db()
    assert ticket.status == Status.OPEN


@pytest.mark.parametrize(
    ("first", "event"),
    [("resolved", "reopened"), ("snoozed", "woke"), ("pending", None), (None, None)],
)
def test_a_customer_s_message_brings_a_ticket_back(
    cast: Cast, ticket: Ticket, first: str | None, event: str | None
) -> None:
    if first:
        verbs(cast)[first](ticket)
    with watched(ticket) as seen:
        builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    assert seen.kinds == ["in", *([event] if event else [])]
    ticket.refresh_from_db()
    assert (ticket.status, ticket.deadline_kind) == (Status.OPEN, DeadlineKind.RESPOND)
    assert ticket.newest == seen.entries[0]


def test_the_deadline_runs_from_the_first_message_not_answered(cast: Cast, ticket: Ticket) -> None:
    builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    again = builders.ticket_of(builders.newest_of(ticket))
    assert again.deadline_at == ticket.deadline_at


def test_an_entry_moves_to_another_ticket(cast: Cast, ticket: Ticket) -> None:
    entry = builders.write_in(cast.inbox)
    other = builders.ticket_of(entry)
    with watched(ticket) as seen:
        tickets.move_entry(entry, to=ticket, by=cast.alice)
        tickets.move_entry(entry, to=ticket, by=cast.alice)
    assert (seen.kinds, seen.raised) == (["moved"], 4)
    ticket.refresh_from_db()
    other.refresh_from_db()
    assert (ticket.newest, other.newest) == (entry, None)


def test_an_entry_opens_a_ticket_of_its_own(cast: Cast, ticket: Ticket) -> None:
    entry = builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    with watched(ticket) as seen:
        moved = tickets.move_entry(entry, to=None, by=cast.alice)
    assert seen.kinds == ["opened", "moved"]
    assert builders.ticket_of(moved).team == cast.support
    assert moved.ticket != ticket


def test_an_entry_stays_in_its_conversation(cast: Cast, ticket: Ticket) -> None:
    foreign = builders.make_ticket(cast.inbox, "other@example.org")
    entry = builders.write_in(cast.inbox)
    with watched(ticket) as seen, pytest.raises(BadInput):
        tickets.move_entry(entry, to=foreign, by=cast.alice)
    assert (seen.kinds, seen.raised) == ([], 0)


def test_open_and_restricted_are_never_mixed(cast: Cast, ticket: Ticket) -> None:
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    secret = builders.make_ticket(legal)
    entry = builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    with pytest.raises(BadInput):
        tickets.move_entry(entry, to=secret, by=cast.alice)
    with pytest.raises(BadInput):
        tickets.move_entry(builders.newest_of(secret), to=ticket, by=cast.alice)


@pytest.mark.parametrize("reader", ["alice", "charlie"])
def test_a_restricted_entry_leaves_the_pages_of_its_old_team(cast: Cast, reader: str) -> None:
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    ours, theirs = builders.make_ticket(legal), builders.make_ticket(legal)
    ownership.move_to_team(theirs, team=cast.billing, by=cast.alice, epoch=1)
    with watched(ours, getattr(cast, reader)):
        tickets.move_entry(builders.newest_of(ours), to=theirs, by=cast.alice)
