from __future__ import annotations

from datetime import timedelta

import pytest

from conversations import ownership, tickets
from conversations.errors import BadInput, StaleOwner
from conversations.models import Agent, Ownership, Ticket
from tests import builders
from tests.builders import Cast
from tests.conversations.happened import watched


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    return builders.make_ticket(cast.inbox)


def history(ticket: Ticket) -> list[tuple[int, int, int | None]]:
    rows = Ownership.objects.filter(ticket=ticket).order_by("epoch")
    return list(rows.values_list("epoch", "team", "agent"))


def test_a_new_ticket_belongs_to_its_team(cast: Cast, ticket: Ticket) -> None:
    assert history(ticket) == [(1, cast.support.pk, None)]


def test_taking_makes_an_owner(cast: Cast, ticket: Ticket) -> None:
    with watched(ticket) as seen:
        after = ownership.take(ticket, by=cast.alice, epoch=1)
    assert (after.agent, after.owner_epoch) == (cast.alice, 2)
    assert (seen.kinds, seen.raised) == (["taken"], 2)
    assert seen.entries[0].actor == cast.alice.actor
    assert history(ticket) == [(1, cast.support.pk, None), (2, cast.support.pk, cast.alice.pk)]


def test_taking_what_one_owns_changes_nothing(cast: Cast, ticket: Ticket) -> None:
    ownership.take(ticket, by=cast.alice, epoch=1)
    with watched(ticket) as seen:
        ownership.take(ticket, by=cast.alice, epoch=1)
    assert (seen.kinds, seen.raised) == ([], 0)


def test_taking_on_a_stale_page_is_refused(cast: Cast, ticket: Ticket) -> None:
    ownership.take(ticket, by=cast.alice, epoch=1)
    with watched(ticket) as seen, pytest.raises(StaleOwner):
        ownership.take(ticket, by=cast.bob, epoch=1)
    assert (seen.kinds, seen.raised) == ([], 0)


def test_an_outsider_can_not_take(cast: Cast, ticket: Ticket) -> None:
    with watched(ticket) as seen, pytest.raises(BadInput):
        ownership.take(ticket, by=cast.charlie, epoch=1)
    assert (seen.kinds, seen.raised) == ([], 0)


def test_assigning_to_a_teammate(cast: Cast, ticket: Ticket) -> None:
    with watched(ticket) as seen:
        after = ownership.assign(ticket, to=cast.bob, by=cast.alice, epoch=1)
    assert after.agent == cast.bob
    assert (seen.kinds, seen.raised) == (["assigned"], 2)
    assert seen.entries[0].data["agent_name"] == "Bob"


def test_a_disabled_teammate_is_assigned_nothing(cast: Cast, ticket: Ticket) -> None:
    ownership.disable(cast.bob, by=cast.alice)
    with watched(ticket) as seen, pytest.raises(BadInput):
        ownership.assign(ticket, to=cast.bob, by=cast.alice, epoch=1)
    assert seen.kinds == []


def test_releasing_gives_it_back_to_the_team(cast: Cast, ticket: Ticket) -> None:
    ownership.take(ticket, by=cast.alice, epoch=1)
    with watched(ticket) as seen:
        after = ownership.release(ticket, by=cast.bob, epoch=2)
        ownership.release(ticket, by=cast.bob, epoch=2)
    assert (after.team, after.agent) == (cast.support, None)
    assert (seen.kinds, seen.raised) == (["released"], 2)


def test_another_team_answers_from_now_on(cast: Cast, ticket: Ticket) -> None:
    ownership.take(ticket, by=cast.alice, epoch=1)
    with watched(ticket) as seen:
        after = ownership.move_to_team(ticket, team=cast.billing, by=cast.alice, epoch=2)
        ownership.move_to_team(ticket, team=cast.billing, by=cast.alice, epoch=2)
    assert (after.team, after.agent) == (cast.billing, None)
    assert (seen.kinds, seen.raised) == (["moved_team"], 2)


def test_the_other_team_s_agent_may_be_named(cast: Cast, ticket: Ticket) -> None:
    after = ownership.move_to_team(
        ticket, team=cast.billing, agent=cast.charlie, by=cast.alice, epoch=1
    )
    assert (after.team, after.agent) == (cast.billing, cast.charlie)
    with pytest.raises(BadInput):
        ownership.move_to_team(ticket, team=cast.billing, agent=cast.bob, by=cast.alice, epoch=2)


@pytest.mark.parametrize("reader", ["alice", "charlie"])
def test_a_restricted_ticket_s_open_pages_are_loaded_again_when_it_changes_team(
    cast: Cast, reader: str
) -> None:
    """Who may read it is another set of people now, and catch-up can't take rows back."""
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    ticket = builders.make_ticket(legal)
    with watched(ticket, getattr(cast, reader)):
        ownership.move_to_team(ticket, team=cast.billing, by=cast.alice, epoch=1)


def test_who_is_disabled_gives_everything_back(cast: Cast, ticket: Ticket) -> None:
    other = builders.make_ticket(cast.inbox, "other@example.org")
    done = builders.make_ticket(cast.inbox, "done@example.org")
    for each in (ticket, other, done):
        ownership.take(each, by=cast.alice, epoch=1)
    tickets.resolve(done, by=cast.alice)
    with watched(ticket) as seen:
        ownership.disable(cast.alice, by=cast.bob)
        ownership.disable(cast.alice, by=cast.bob)
    assert seen.kinds == ["released", "offered", "released", "offered"]
    assert seen.entries[0].data["reason"] == "left"
    assert list(Ticket.objects.filter(agent=cast.alice)) == [done]
    assert not Agent.objects.get(pk=cast.alice.pk).is_active
    assert not cast.alice.memberships.filter(active=True).exists()


def test_nobody_disables_themselves(cast: Cast) -> None:
    with pytest.raises(BadInput):
        ownership.disable(cast.alice, by=cast.alice)


def test_who_is_enabled_again_is_in_their_teams_again(cast: Cast) -> None:
    ownership.disable(cast.alice, by=cast.bob)
    ownership.enable(cast.alice)
    assert cast.alice.memberships.get().active


def test_who_leaves_a_team_gives_back_what_is_its(cast: Cast, ticket: Ticket) -> None:
    ownership.join(cast.billing, cast.alice)
    other = builders.make_ticket(builders.make_inbox(cast.billing), "other@example.org")
    for each in (ticket, other):
        ownership.take(each, by=cast.alice, epoch=1)
    with watched(ticket, cast.bob) as seen:
        ownership.leave(cast.support, cast.alice, by=cast.bob)
        ownership.leave(cast.support, cast.alice, by=cast.bob)
    assert seen.kinds == ["released", "offered"]
    assert list(Ticket.objects.filter(agent=cast.alice)) == [other]


def test_joining_twice_is_joining_once(cast: Cast) -> None:
    assert ownership.join(cast.billing, cast.bob) == ownership.join(cast.billing, cast.bob)


@pytest.mark.parametrize("how", ["reopen", "pending", "snooze", "customer"])
def test_an_owner_who_is_gone_does_not_come_back_with_the_ticket(
    cast: Cast, ticket: Ticket, how: str
) -> None:
    ownership.take(ticket, by=cast.alice, epoch=1)
    tickets.resolve(ticket, by=cast.alice)
    ownership.disable(cast.alice, by=cast.bob)
    if how == "reopen":
        tickets.reopen(ticket, by=cast.bob)
    elif how == "pending":
        tickets.set_pending(ticket, by=cast.bob)
    elif how == "snooze":
        tickets.snooze(ticket, until=ticket.opened_at + timedelta(days=1), by=cast.bob)
    else:
        builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    ticket.refresh_from_db()
    assert (ticket.agent, ticket.is_resolved) == (None, False)
    assert history(ticket)[-1] == (3, cast.support.pk, None)
