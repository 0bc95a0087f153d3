"""What waits is given to who is online and has room, by the rule of the team."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import structlog
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations import assignment, drafts, handoffs, ownership, presence, tickets, workload
from conversations.errors import BadInput
from conversations.models import Agent, Clock, Entry, Inbox, Ownership, Team, Ticket
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


def test_several_cost_little_more_than_one(cast: Cast, team: Team) -> None:
    """Who is here, who has room and whose turn it is are asked once for all of them."""
    comes(cast.alice, cast.bob)

    def given(count: int, start: int) -> int:
        some(cast.inbox, count, start)
        with CaptureQueriesContext(connection) as asked:
            assert assignment.assign_due() == count
        return len(asked)

    one = given(1, 0)
    assert given(11, 10) - one <= 10 * 6


def test_of_two_matters_of_one_customer_both_are_given(cast: Cast, team: Team) -> None:
    comes(cast.alice)
    first, second = make_ticket(cast.inbox), make_ticket(cast.inbox)
    assert (first.conversation_id, first.pk != second.pk) == (second.conversation_id, True)
    assert assignment.assign_due() == 2
    assert owners() == ["Alice", "Alice"]
    laws.check()


def test_of_two_given_together_the_second_counts_the_first(cast: Cast, team: Team) -> None:
    """Though the plan took no note of it."""
    workload.set_capacity(cast.alice, units=1)
    comes(cast.alice)
    first, _second = some(cast.inbox, 2)
    gifts = [assignment.Gift(one, cast.alice.pk) for one in assignment.waiting_in(team, [])]
    assert assignment.give_together(gifts) == {first.pk}
    assert owners() == ["Alice", ""]


def test_one_that_breaks_does_not_hold_up_its_neighbours(cast: Cast, team: Team) -> None:
    comes(cast.alice, cast.bob)
    _first, broken, _last = some(cast.inbox, 3)
    # Its next owner can't be written down, as that line is there already.
    Ownership.objects.create(ticket=broken, epoch=2, team=team, since=Clock(), actor="system")
    with structlog.testing.capture_logs() as logged:
        assert assignment.assign_due() == 2
    assert {line["event"] for line in logged} >= {"sweep_row_failed"}
    assert [bool(name) for name in owners()] == [True, False, True]
    assert Entry.objects.filter(event="assigned").count() == 2
    assert sorted(set(owners())) == ["", "Alice", "Bob"]


def test_what_somebody_had_begun_goes_along(cast: Cast, team: Team) -> None:
    """Who can't go on has typed something: it is the next owner's, as if a person had given it."""
    comes(cast.alice)
    one, _other = some(cast.inbox, 2)
    drafts.save(one, by=cast.bob, mode="reply", text="Dear Kim", fields={}, version=0)
    ownership.disable(cast.bob, by=cast.charlie)
    assert assignment.assign_due() == 2
    assert drafts.drafts_of(one, cast.alice)["reply"].text == "Dear Kim"


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
