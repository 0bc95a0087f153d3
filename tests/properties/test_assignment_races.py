"""Several who give out work at once, while people take, leave and go: nothing is given twice."""

from __future__ import annotations

import threading
import uuid
from functools import partial
from typing import Any

import pytest

from conversations import assignment, ownership, presence, workload
from conversations.errors import StaleOwner
from conversations.models import Agent, Entry, Team, Ticket
from conversations.thread import SYSTEM, locked
from tests import builders
from tests.builders import Cast
from tests.patience import PATIENCE, wait_for_a_lock
from tests.properties import laws
from tests.properties.crew import failures, together

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 4


@pytest.fixture
def cast() -> Cast:
    cast = builders.make_cast()
    Team.objects.filter(pk=cast.support.pk).update(assigns="least_loaded")
    cast.support.refresh_from_db()
    return cast


def plan_of(team: Team) -> assignment.Waiting:
    [one] = assignment.waiting_in(team, [])
    return one


def test_of_a_take_and_what_is_given_one_counts(cast: Cast) -> None:
    presence.renew([cast.alice.pk])
    for number in range(ROUNDS):
        ticket = builders.make_ticket(cast.inbox, f"{number}@example.org")
        plan = plan_of(cast.support)
        taken, given = together(
            partial(ownership.take, ticket, by=cast.bob, epoch=1),
            partial(assignment.give, plan, to=cast.alice.pk),
        )
        ticket.refresh_from_db()
        assert ticket.owner_epoch == 2
        if given:
            assert isinstance(taken, StaleOwner)
            assert ticket.agent == cast.alice
        else:
            assert given is None
            assert ticket.agent == cast.bob
    laws.check()


def test_who_is_disabled_meanwhile_has_nothing(cast: Cast) -> None:
    eve = builders.make_agent("Eve", cast.billing)
    for number in range(ROUNDS):
        who = builders.make_agent(f"Agent{number} X", cast.support)
        presence.renew([who.pk])
        builders.make_ticket(cast.inbox, f"{number}@example.org")
        plan = assignment.waiting_in(cast.support, [])[-1]
        answers = together(
            partial(assignment.give, plan, to=who.pk), partial(ownership.disable, who, by=eve)
        )
        assert failures(answers) == []
        assert not Ticket.objects.filter(agent=who).exists()
        ownership.move_to_team(
            Ticket.objects.get(pk=plan.ticket),
            team=cast.billing,
            by=eve,
            epoch=Ticket.objects.get(pk=plan.ticket).owner_epoch,
        )
    laws.check()


def test_two_teams_do_not_fill_one_agent_twice(cast: Cast) -> None:
    """Each run counts what the other one gave, however they cross."""
    Team.objects.filter(pk=cast.billing.pk).update(assigns="round_robin")
    ownership.join(cast.billing, cast.alice)
    workload.set_capacity(cast.alice, units=5)
    presence.renew([cast.alice.pk])
    other = builders.make_inbox(cast.billing)
    for number in range(10):
        builders.make_ticket(cast.inbox, f"a{number}@example.org")
        builders.make_ticket(other, f"b{number}@example.org")
    teams = [Team.objects.get(pk=each.pk) for each in (cast.support, cast.billing)]
    answers = together(*[partial(assignment.assign_in, each) for each in teams * 2])
    assert failures(answers) == []
    assert sum(answers) == 5
    assert workload.loads([cast.alice.pk]) == {cast.alice.pk: 5}
    laws.check()


def nobody_twice(cast: Cast, tickets: int, agents: int, runners: int) -> None:
    crew = [builders.make_agent(f"Agent{n} X", cast.support) for n in range(agents)]
    for number in range(tickets):
        builders.make_ticket(cast.inbox, f"{number}@example.org")
    # Not before: so many tickets take a while, and being here lasts a minute.
    presence.renew(agent.pk for agent in crew)
    answers = together(*[assignment.assign_due] * runners, patience=600)
    assert failures(answers) == []
    assert sum(answers) == tickets
    assert not Ticket.objects.filter(agent=None).exists()
    assert set(Ticket.objects.values_list("owner_epoch", flat=True)) == {2}
    assert Entry.objects.filter(event="assigned").count() == tickets
    loads = workload.loads([agent.pk for agent in crew])
    assert all(load <= 20 for load in loads.values())
    laws.check()


def test_nothing_is_given_twice(cast: Cast) -> None:
    nobody_twice(cast, 60, 6, 3)


@pytest.mark.full
def test_a_thousand_to_fifty_and_none_twice(cast: Cast) -> None:
    nobody_twice(cast, 1000, 50, 3)


def test_what_somebody_is_at_does_not_hold_up_its_neighbours(cast: Cast) -> None:
    presence.renew([cast.alice.pk])
    held, *others = [builders.make_ticket(cast.inbox, f"{n}@example.org") for n in range(4)]
    writing, given = threading.Event(), list[int]()

    def write() -> None:
        with locked(held.origin_id) as thread:
            writing.set()
            wait_for_a_lock()
            given.extend(Ticket.objects.filter(agent=cast.alice).values_list("pk", flat=True))
            thread.event(held, "snoozed", by=SYSTEM)

    def assign() -> int:
        assert writing.wait(PATIENCE)
        return assignment.assign_in(cast.support)

    assert together(write, assign) == [None, 4]
    assert sorted(given) == [ticket.pk for ticket in others]
    laws.check()


def test_some_who_are_disabled_while_several_are_given_have_nothing(cast: Cast) -> None:
    eve = builders.make_agent("Eve", cast.billing)
    for number in range(ROUNDS):
        crew = [builders.make_agent(f"Agent{number}{n} X", cast.support) for n in range(3)]
        presence.renew(agent.pk for agent in crew)
        for place in range(9):
            builders.make_ticket(cast.inbox, f"{number}.{place}@example.org")
        answers = together(
            partial(assignment.assign_in, cast.support),
            *[partial(ownership.disable, who, by=eve) for who in crew],
        )
        assert failures(answers) == []
        assert not Ticket.objects.unresolved().filter(agent__in=crew).exists()
    laws.check()


def test_who_goes_away_first_is_given_nothing(cast: Cast) -> None:
    """Whoever gives waits for the choice, and sees it."""
    presence.renew([cast.alice.pk])
    agent = Agent.objects.get(pk=cast.alice.pk)
    for number in range(ROUNDS):
        presence.choose(agent, "online")
        builders.make_ticket(cast.inbox, f"{uuid.uuid4()}{number}@example.org")
        plan = plan_of(cast.support)
        answers: list[Any] = together(
            partial(presence.choose, agent, "away"), partial(assignment.give, plan, to=agent.pk)
        )
        assert failures(answers) == []
        assert answers[1] in (True, False)
        assert Ticket.objects.filter(pk=plan.ticket, agent=agent).exists() is answers[1]
        if not answers[1]:
            ownership.take(Ticket.objects.get(pk=plan.ticket), by=cast.bob, epoch=1)
    laws.check()
