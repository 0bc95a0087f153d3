"""What waits is given to who is online and has room, by the rule of the team."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from conversations import assignment, handoffs, ownership, presence, tickets, workload
from conversations.errors import BadInput
from conversations.models import Agent, Entry, Inbox, Team, Ticket
from conversations.tasks import assign
from tests.builders import Cast, make_agent, make_inbox, make_team, make_ticket, write_in
from tests.conversations.shifting import comes, sets, vanishes
from tests.properties import laws


@pytest.fixture
def team(cast: Cast) -> Team:
    return sets(cast.support, assigns="round_robin")


def some(inbox: Inbox, count: int, start: int = 0) -> list[Ticket]:
    return [make_ticket(inbox, f"c{start + n}@example.org") for n in range(count)]


def owners() -> list[str]:
    rows = Ticket.objects.order_by("pk").values_list("agent__name", flat=True)
    return [name or "" for name in rows]


def chat(team: Team) -> Inbox:
    return make_inbox(team, "Chat", kind="chat")


def chatting(inbox: Inbox, number: int = 0) -> Ticket:
    return make_ticket(inbox, f"visitor{number}", kind="chat")


def test_off_means_off(cast: Cast) -> None:
    comes(cast.alice, cast.bob)
    some(cast.inbox, 2)
    assert assignment.assign_due() == 0
    assert owners() == ["", ""]


def test_in_turn(cast: Cast, team: Team) -> None:
    comes(cast.alice, cast.bob)
    some(cast.inbox, 3)
    assert assignment.assign_due() == 3
    assert owners() == ["Alice", "Bob", "Alice"]
    some(cast.inbox, 1, 10)
    assert assignment.assign_due() == 1
    assert owners()[-1] == "Bob"
    assert assignment.assign_due() == 0
    laws.check()


def test_by_load_counts_in_parts_of_what_each_can_take(cast: Cast, team: Team) -> None:
    sets(team, assigns="least_loaded")
    workload.set_capacity(cast.bob, units=4)
    comes(cast.alice, cast.bob)
    some(cast.inbox, 6)
    assert assignment.assign_due() == 6
    assert sorted(owners()) == ["Alice"] * 5 + ["Bob"]


@pytest.mark.parametrize("state", ["away", "transfers", "offline", "vanished", "never came"])
def test_never_to_who_is_absent(cast: Cast, team: Team, state: str) -> None:
    if state in ("away", "transfers", "offline"):
        comes(cast.alice, cast.bob, state=state)
    elif state == "vanished":
        comes(cast.alice)
        vanishes(cast.alice)
    some(cast.inbox, 1)
    assert assignment.assign_due() == 0
    assert owners() == [""]


def test_never_over_capacity_and_a_chat_weighs_more(cast: Cast, team: Team) -> None:
    workload.set_capacity(cast.alice, units=9)
    comes(cast.alice)
    for number in range(3):
        chatting(chat(team), number)
    some(cast.inbox, 3)
    assert assignment.assign_due() == 3
    assert workload.loads([cast.alice.pk]) == {cast.alice.pk: 9}
    assert owners() == ["Alice", "Alice", "", "Alice", "", ""]
    workload.set_weights({"chat": 2})
    assert workload.weights(["chat", "email", "sms"]) == {"chat": 2, "email": 1, "sms": 2}
    assert assignment.assign_due() == 3
    assert workload.loads([cast.alice.pk]) == {cast.alice.pk: 9}


def test_a_chat_just_answered_still_counts_and_a_mail_does_not(cast: Cast, team: Team) -> None:
    comes(cast.alice)
    talk, [mail] = chatting(chat(team)), some(cast.inbox, 1)
    assignment.assign_due()
    for each in (talk, mail):
        tickets.set_pending(each, by=cast.alice)
    assert workload.loads([cast.alice.pk]) == {cast.alice.pk: 4}
    Ticket.objects.filter(pk=talk.pk).update(active_at=talk.active_at - timedelta(minutes=11))
    assert workload.loads([cast.alice.pk]) == {cast.alice.pk: 0}


def test_a_resolved_one_makes_room(cast: Cast, team: Team) -> None:
    workload.set_capacity(cast.alice, units=1)
    comes(cast.alice)
    first, _second = some(cast.inbox, 2)
    assert assignment.assign_due() == 1
    tickets.resolve(first, by=cast.alice)
    assert assignment.assign_due() == 1
    assert owners() == ["Alice", "Alice"]


def test_who_knows_the_customer_comes_first(cast: Cast, team: Team) -> None:
    ticket = make_ticket(cast.inbox)
    ownership.take(ticket, by=cast.bob, epoch=1)
    tickets.resolve(ticket, by=cast.bob)
    other = make_ticket(cast.inbox)
    assert other.pk != ticket.pk
    comes(cast.alice, cast.bob)
    assert assignment.assign_due() == 1
    assert Ticket.objects.get(pk=other.pk).agent == cast.bob
    event = Entry.objects.get(event="assigned", ticket=other)
    assert (event.actor, event.data["reason"]) == ("system", "knows")


def test_who_knows_the_customer_is_not_waited_for(cast: Cast, team: Team) -> None:
    ticket = make_ticket(cast.inbox)
    ownership.take(ticket, by=cast.bob, epoch=1)
    tickets.resolve(ticket, by=cast.bob)
    make_ticket(cast.inbox)
    comes(cast.alice)
    assert assignment.assign_due() == 1
    assert owners() == ["Bob", "Alice"]
    sets(team, last_agent_first=False)


def test_who_gave_it_back_or_declined_is_not_given_it_again(cast: Cast, team: Team) -> None:
    comes(cast.alice)
    [ticket] = some(cast.inbox, 1)
    assignment.assign_due()
    ticket = ownership.release(ticket, by=cast.alice, epoch=2)
    assert assignment.assign_due() == 0
    comes(cast.bob)
    assert assignment.assign_due() == 1
    assert owners() == ["Bob"]
    offer = handoffs.offer(ticket, team=team, agent=cast.alice, by=cast.bob, epoch=4)
    handoffs.decline(offer, by=cast.alice, reason="No.")
    ownership.release(ticket, by=make_agent("Eve", team, role="admin"), epoch=4)
    vanishes(cast.bob)
    assert assignment.assign_due() == 0


def test_what_is_offered_or_waits_for_the_customer_is_left(cast: Cast, team: Team) -> None:
    comes(cast.alice)
    offered, pending = some(cast.inbox, 2)
    packet = handoffs.Packet(
        asks=handoffs.packets.Line("x"),
        next=handoffs.packets.Line("x"),
        reason=handoffs.packets.Line("x"),
    )
    handoffs.offer(offered, team=cast.billing, by=cast.bob, epoch=1, packet=packet)
    tickets.set_pending(pending, by=cast.bob)
    assert assignment.assign_due() == 0


def stale(team: Team) -> assignment.Waiting:
    [one] = assignment.waiting_in(team, [])
    return one


@pytest.mark.parametrize("since", ["taken", "moved", "resolved", "taken and released", "offered"])
def test_a_plan_that_is_old_does_nothing(cast: Cast, team: Team, since: str) -> None:
    comes(cast.alice)
    [ticket] = some(cast.inbox, 1)
    plan = stale(team)
    if since == "moved":
        ownership.move_to_team(ticket, team=cast.billing, by=cast.bob, epoch=1)
    elif since == "resolved":
        tickets.resolve(ticket, by=cast.bob)
    elif since == "offered":
        handoffs.offer(ticket, team=team, agent=cast.alice, by=cast.bob, epoch=1)
    else:
        taken = ownership.take(ticket, by=cast.bob, epoch=1)
        if since != "taken":
            ownership.release(taken, by=cast.bob, epoch=2)
    before = Ticket.objects.values().get(pk=ticket.pk)
    assert assignment.give(plan, to=cast.alice.pk) is None
    assert Ticket.objects.values().get(pk=ticket.pk) == before


@pytest.mark.parametrize("how", ["away", "vanished", "full", "left", "disabled"])
def test_who_went_after_the_plan_gets_nothing(cast: Cast, team: Team, how: str) -> None:
    comes(cast.alice)
    some(cast.inbox, 1)
    plan = stale(team)
    if how == "away":
        presence.choose(cast.alice, "away")
    elif how == "vanished":
        vanishes(cast.alice)
    elif how == "full":
        workload.set_capacity(cast.alice, units=0)
    elif how == "left":
        ownership.leave(team, cast.alice, by=cast.bob)
    else:
        ownership.disable(cast.alice, by=cast.bob)
    assert assignment.give(plan, to=cast.alice.pk) is False
    assert owners() == [""]
    laws.check()


def test_the_task_finds_what_a_lost_wake_up_left(cast: Cast, team: Team) -> None:
    comes(cast.alice)
    some(cast.inbox, 1)
    assign()
    assert owners() == ["Alice"]


def test_of_several_teams_each_has_its_own_way(cast: Cast, team: Team) -> None:
    night = make_team("Night", assigns="least_loaded")
    eve = make_agent("Eve", night)
    comes(cast.alice, eve)
    some(cast.inbox, 1)
    some(make_inbox(night), 1, 10)
    some(make_inbox(cast.billing), 1, 20)
    assert assignment.assign_due() == 2
    assert owners() == ["Alice", "Eve", ""]


@pytest.mark.parametrize("bad", [partial(workload.set_weights, {"chat": 0}), None])
def test_units_are_checked(cast: Cast, bad: Any) -> None:
    with pytest.raises(BadInput):
        bad() if bad else workload.set_capacity(cast.alice, units=-1)


def test_a_new_message_of_one_who_waited_with_us_is_assigned(cast: Cast, team: Team) -> None:
    [ticket] = some(cast.inbox, 1)
    tickets.resolve(ticket, by=cast.bob)
    comes(cast.alice)
    assert assignment.assign_due() == 0
    write_in(cast.inbox, "c0@example.org", tokens=(ticket.token_id,))
    assert assignment.assign_due() == 1
    assert Agent.objects.get(tickets=ticket) == cast.alice
