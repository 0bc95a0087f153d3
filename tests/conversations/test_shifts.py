"""Shifts: who works when, what is offered to the next one, and what is left at the end."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from conversations import (
    absence,
    assignment,
    drafts,
    handoffs,
    ownership,
    rota,
    shift_ends,
    shifts,
    tickets,
)
from conversations.errors import BadInput, NotAllowed
from conversations.models import (
    Agent,
    Alert,
    Leaving,
    Membership,
    Offer,
    Shift,
    ShiftEnd,
    ShiftWorker,
    Team,
    Ticket,
)
from conversations.packets import Packet
from conversations.thread import database_now
from tests.builders import Cast, head_of, make_agent, run_out
from tests.conversations.offering import PACKET, accepted, now, offered, owner
from tests.conversations.on_shift import (
    HOUR,
    MINUTE,
    alices,
    changing,
    over,
    shift_of,
    time_to_tell,
    told,
)
from tests.conversations.promising import promised
from tests.conversations.shifting import comes, gone_for
from tests.properties import laws

pytestmark = pytest.mark.django_db


def to_next(ticket: Ticket, cast: Cast, **fields: Any) -> Offer:
    """By Alice, to the next shift of Support."""
    stretch = rota.next_for(cast.alice, cast.support, database_now())
    return offered(ticket, cast, team=cast.support, shift=stretch, packet=PACKET, **fields)


def week(
    team: Team, name: str, begins: int, ends: int, *agents: Agent, days: Any = range(7)
) -> Shift:
    return shifts.save_shift(
        Shift(team=team),
        name=name,
        weekdays=days,
        begins=time(begins),
        ends=time(ends),
        agents=agents,
        by=agents[0],
    )


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    """On a Monday in November."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


# --- who works when


def test_which_shift_is_on_and_which_comes_next(cast: Cast) -> None:
    week(cast.support, "Early", 6, 14, cast.alice)
    week(cast.support, "Late", 13, 22, cast.bob)
    week(cast.support, "Night", 22, 6, cast.alice, days=[4])
    found = rota.shifts_of([cast.support.pk])
    assert [str(one.shift) for one in rota.on(found, at(13, 30))] == ["Early", "Late"]
    assert rota.on(found, at(22)) == []
    assert [str(one.shift) for one in rota.on(found, at(1, day=28))] == ["Night"]
    early_ends, gap = rota.next_after(found, at(14)), rota.next_after(found, at(22))
    assert early_ends and gap
    assert (str(early_ends.shift), early_ends.workers) == ("Late", [cast.bob])
    assert (str(gap.shift), gap.begins_at) == ("Early", at(6, day=24))
    # What only the leaving work goes on with nothing.
    friday = rota.next_after(found, at(22, day=27), but=cast.alice)
    assert friday and str(friday.shift) == "Late"


def test_the_zone_of_the_team_counts(cast: Cast) -> None:
    shift = week(cast.support, "Early", 6, 14, cast.alice)
    cast.support.zone = "Asia/Ho_Chi_Minh"
    cast.support.save()
    shifts.plan_all_anew(cast.support)
    [found] = rota.shifts_of([cast.support.pk])
    assert rota.stretch_after(found, at(0)).ends_at == at(7)
    planned = ShiftEnd.objects.get(shift=shift)
    assert timezone.localtime(planned.ends_at, found.zone).time() == time(14)
    with pytest.raises(BadInput):
        shifts.require_zone("Mars/Phobos")


def test_shifts_that_follow_each_other_are_worked_on(cast: Cast) -> None:
    week(cast.support, "Early", 6, 14, cast.alice, cast.bob)
    week(cast.support, "Late", 14, 22, cast.alice)
    found = rota.shifts_of([cast.support.pk])
    assert rota.end_of(found, cast.alice, at(9)) == at(22)
    assert rota.end_of(found, cast.bob, at(9)) == at(14)
    assert rota.end_of(found, cast.bob, at(15)) is None
    week(cast.support, "Night", 22, 6, cast.alice)
    assert rota.end_of(rota.shifts_of([cast.support.pk]), cast.alice, at(9)) is None


def test_what_is_no_shift_is_refused(cast: Cast) -> None:
    early = week(cast.support, "Early", 6, 14, cast.alice)
    with pytest.raises(BadInput, match="of this name"):
        week(cast.support, "Early", 7, 15, cast.alice)
    with pytest.raises(BadInput, match="one day"):
        week(cast.support, "None", 7, 15, cast.alice, days=[])
    with pytest.raises(BadInput, match="not an active member"):
        week(cast.support, "Theirs", 7, 15, cast.charlie)
    shifts.remove_shift(early, by=cast.alice)
    shifts.remove_shift(early, by=cast.alice)
    assert not rota.shifts_of([cast.support.pk])
    assert week(cast.support, "Early", 6, 14, cast.alice).pk != early.pk


@pytest.mark.parametrize(
    "broken",
    [
        "UPDATE conversations_shift SET weekdays = '{7}'",
        "UPDATE conversations_shift SET weekdays = '{}'",
        "UPDATE conversations_shiftworker SET agent_id = %(charlie)s",
        "UPDATE conversations_shiftworker SET team_id = %(billing)s",
        "UPDATE conversations_shiftend SET ends_at = begins_at",
        "INSERT INTO conversations_shiftend (shift_id, begins_at, ends_at, tell_at)"
        " SELECT shift_id, begins_at, ends_at + interval '1 day', tell_at FROM conversations_shiftend",
        "UPDATE conversations_team SET zone = ''",
    ],
)
def test_the_database_keeps_the_laws(cast: Cast, broken: str) -> None:
    week(cast.support, "Early", 6, 14, cast.alice)
    told = {"charlie": cast.charlie.pk, "billing": cast.billing.pk}
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(broken, told)


def test_who_leaves_the_team_leaves_its_shifts(cast: Cast) -> None:
    early = week(cast.support, "Early", 6, 14, cast.alice, cast.bob)
    ownership.leave(cast.support, cast.alice, by=cast.bob)
    assert [one.agent for one in early.workers.all()] == [cast.bob]
    ownership.disable(cast.bob, by=cast.charlie)
    assert rota.shifts_of([cast.support.pk]) == []
    assert ShiftWorker.objects.count() == 1


# --- offers to the next shift


def test_who_works_the_next_shift_may_accept(cast: Cast) -> None:
    carol = make_agent("Carol", cast.support)
    changing(cast)
    ticket = alices(cast)
    offer = to_next(ticket, cast)
    assert offer.to_name == "Support · Late"
    assert offer.to_shift and offer.opens_at and offer.opens_at < offer.offered_at
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    assert list(Offer.objects.standing().to(cast.bob)) == [offer]
    for other in (cast.alice, carol, cast.charlie):
        assert not Offer.objects.standing().to(other).exists()
        with pytest.raises(NotAllowed):
            accepted(offer, other)
    laws.check()
    accepted(offer, cast.bob)
    assert owner(ticket) == (cast.support.pk, cast.bob.pk)
    laws.check()


def test_a_shift_accepts_from_its_beginning(cast: Cast) -> None:
    shift_of(cast.support, "Early", cast.alice, ends=10 * MINUTE)
    late = shift_of(cast.support, "Late", cast.bob, begins=10 * MINUTE, ends=8 * HOUR)
    ticket = alices(cast)
    offer = to_next(ticket, cast, within=HOUR)
    assert offer.opens_at and offer.expires_at == offer.opens_at + HOUR
    assert not Offer.objects.standing().to(cast.bob).exists()
    assert list(Offer.objects.in_time().to(cast.bob)) == [offer]
    with pytest.raises(BadInput, match="from then on"):
        accepted(offer, cast.bob)
    handoffs.decline(offer, by=cast.bob, reason="I am ill.")
    assert now(offer).state == "declined"
    assert late.pk == offer.to_shift_id


def test_over_a_weekend_it_is_offered_until_after_the_beginning(cast: Cast) -> None:
    today = database_now().weekday()
    shift_of(cast.support, "Early", cast.alice, ends=10 * MINUTE)
    late = shift_of(cast.support, "Late", cast.bob, begins=20 * MINUTE, ends=8 * HOUR)
    Shift.objects.filter(pk=late.pk).update(weekdays=[(today + 4) % 7])
    offer = to_next(alices(cast), cast)
    assert offer.opens_at and offer.opens_at - offer.offered_at > timedelta(days=3)
    assert offer.expires_at > offer.opens_at


def test_it_needs_a_packet_and_a_shift_that_can_take_it(cast: Cast) -> None:
    changing(cast)
    comes(cast.alice)
    ticket = alices(cast)
    with pytest.raises(BadInput, match="what comes next"):
        stretch = rota.next_for(cast.alice, cast.support, database_now())
        offered(ticket, cast, team=cast.support, shift=stretch, packet=Packet())
    with pytest.raises(BadInput, match="another team"):
        stretch = rota.next_for(cast.alice, cast.support, database_now())
        offered(ticket, cast, team=cast.billing, shift=stretch, packet=PACKET)
    offer = to_next(ticket, cast)
    assert to_next(ticket, cast) == offer
    handoffs.decline(offer, by=cast.bob, reason="No.")
    with pytest.raises(BadInput, match="Nobody of that shift"):
        to_next(ticket, cast)
    assert rota.next_for(cast.alice, cast.billing, database_now()) is None


def test_nobody_of_the_shift_answers(cast: Cast) -> None:
    """Whoever is still there has it again, else the team; the lead is told."""
    changing(cast)
    for here in (True, False):
        comes(cast.alice)
        ticket = alices(cast, f"here{here}")
        run_out(to_next(ticket, cast))
        if not here:
            gone_for(cast.alice, HOUR)
        assert handoffs.expire_due() == 1
        assert owner(ticket) == (cast.support.pk, cast.alice.pk if here else None)
        assert Alert.objects.get(ticket=ticket).team == cast.support
    laws.check()


def test_a_shift_that_is_removed_gives_back_what_was_offered_to_it(cast: Cast) -> None:
    _early, late = changing(cast)
    comes(cast.alice)
    ticket = alices(cast)
    offer = to_next(ticket, cast)
    shifts.remove_shift(late, by=cast.alice)
    with pytest.raises(NotAllowed):
        accepted(offer, cast.bob)
    assert handoffs.expire_due() == 1
    assert (now(offer).state, now(offer).cause) == ("withdrawn", "shift_removed")
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    laws.check()


# --- the end of a shift


def test_fifteen_minutes_before_its_end_it_is_told_once(cast: Cast) -> None:
    early, late = changing(cast)
    assert shift_ends.tell_due() == 1
    assert shift_ends.tell_due() == 0
    leaving = Leaving.objects.get()
    assert (leaving.agent, leaving.team, leaving.shift) == (cast.alice, cast.support, early)
    assert leaving.settle_at == leaving.ends_at + shift_ends.GRACE
    assert rota.of_page(cast.alice) == (True, leaving.ends_at)
    assert rota.of_page(cast.bob) == (True, None)
    assert rota.of_page(cast.charlie) == (False, None)
    armed = ShiftEnd.objects.get(shift=early, told_at=None)
    assert armed.ends_at == leaving.ends_at + timedelta(days=1)
    assert armed.tell_at == armed.ends_at - timedelta(minutes=15)
    assert ShiftEnd.objects.filter(shift=late).count() == 1


def test_who_works_on_is_not_told(cast: Cast) -> None:
    carol = make_agent("Carol", cast.support)
    shift_of(cast.support, "Early", cast.alice, carol, ends=10 * MINUTE)
    shift_of(cast.support, "Late", cast.alice, begins=-5 * MINUTE, ends=8 * HOUR)
    assert shift_ends.tell_due() == 1
    assert [one.agent for one in Leaving.objects.all()] == [carol]


def test_telling_dies_between_two_lines(cast: Cast) -> None:
    """Written whole, or met again: here the next end can't be planned."""
    early, _late = changing(cast)
    armed = ShiftEnd.objects.get(shift=early)
    blocking = ShiftEnd.objects.create(
        shift=early,
        begins_at=armed.begins_at + timedelta(days=1),
        ends_at=armed.ends_at + timedelta(days=1),
        tell_at=armed.begins_at + timedelta(days=1),
        told_at=database_now(),
    )
    assert shift_ends.tell_due() == 0
    armed.refresh_from_db()
    assert armed.told_at is None
    assert not Leaving.objects.exists()
    blocking.delete()
    assert shift_ends.tell_due() == 1


def test_after_days_without_a_worker_nothing_is_told_twice(cast: Cast) -> None:
    early, _late = changing(cast)
    rows = ShiftEnd.objects.filter(shift=early)
    ago = timedelta(days=3)
    one = rows.get()
    rows.update(begins_at=one.begins_at - ago, ends_at=one.ends_at - ago, tell_at=one.tell_at - ago)
    assert shift_ends.tell_due() == 1
    assert shift_ends.tell_due() == 1
    assert shift_ends.tell_due() == 0
    assert [row.ends_at for row in Leaving.objects.order_by("ends_at")] == [
        one.ends_at - ago,
        one.ends_at,
    ]


def test_a_shift_that_is_changed_is_planned_anew(cast: Cast) -> None:
    leaving = told(cast)
    early = leaving.shift
    before = ShiftEnd.objects.get(shift=early, told_at=None)
    shifts.save_shift(
        early,
        name="Early",
        weekdays=range(7),
        begins=early.begins,
        ends=(database_now() + 2 * HOUR).time(),
        agents=[cast.alice],
        by=cast.alice,
    )
    assert not Leaving.objects.exists()
    planned = ShiftEnd.objects.get(shift=early)
    assert planned.ends_at < before.ends_at and planned.told_at is None
    time_to_tell(early)
    assert shift_ends.tell_due() == 1


def test_what_is_left_is_offered_to_the_next_shift(cast: Cast) -> None:
    """With a packet the desk writes, and what was half written."""
    leaving = told(cast)
    comes(cast.alice)
    ticket, quiet, done = alices(cast), alices(cast, "lee"), alices(cast, "max")
    owed, mine = alices(cast, "ann"), alices(cast, "eve")
    drafts.save(ticket, by=cast.alice, mode="reply", text="Dear Kim, it", fields={}, version=0)
    tickets.set_pending(quiet, by=cast.alice)
    tickets.resolve(done, by=cast.alice)
    promised(owed, cast)
    tickets.set_pending(owed, by=cast.alice)
    offered(mine, cast)
    assert shift_ends.settle_due() == 0
    over(leaving)
    assert shift_ends.settle_due() == 1
    assert shift_ends.settle_due() == 0
    found = {one.ticket_id: one for one in Offer.objects.open().filter(to_shift__isnull=False)}
    assert set(found) == {ticket.pk, owed.pk}
    offer = found[ticket.pk]
    assert (offer.to_name, offer.actor, offer.warm) == ("Support · Late", "system", True)
    assert offer.packet["asks"]["text"] == "where is the parcel of kim?"
    assert offer.packet["reason"]["text"] == "The shift of Alice is over."
    assert offer.gathered["drafts"][0]["text"] == "Dear Kim, it"
    laws.check()
    # She is still there: that ends nothing, as it would for who was offline.
    assert absence.end_for_present() == 0
    accepted(offer, cast.bob)
    assert owner(ticket) == (cast.support.pk, cast.bob.pk)
    assert drafts.drafts_of(ticket, cast.bob)["reply"].text == "Dear Kim, it"
    laws.check()


def test_settling_goes_on_after_one_that_broke(cast: Cast) -> None:
    """Each ticket by itself; the leaving stays unsettled until all were gone through."""
    leaving = told(cast)
    first, second = alices(cast), alices(cast, "lee")
    over(leaving)
    refuse = (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        " CREATE TRIGGER refuse BEFORE INSERT ON conversations_offer FOR EACH ROW"
        f" WHEN (NEW.ticket_id = {first.pk}) EXECUTE FUNCTION refuse()"
    )
    with connection.cursor() as cursor:
        cursor.execute(refuse)
    assert shift_ends.settle_due() == 0
    assert [one.ticket_id for one in Offer.objects.open()] == [second.pk]
    assert rota.of_page(cast.alice)[1] is not None
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse ON conversations_offer")
    assert shift_ends.settle_due() == 1
    assert {one.ticket_id for one in Offer.objects.open()} == {first.pk, second.pk}
    laws.check()


def test_where_no_shift_follows_the_team_is_asked(cast: Cast) -> None:
    shift_of(cast.support, "Only", cast.alice, ends=10 * MINUTE)
    shift_ends.tell_due()
    ticket = alices(cast)
    over(Leaving.objects.get())
    assert shift_ends.settle_due() == 1
    offer = Offer.objects.get(ticket=ticket)
    assert (offer.to_shift, offer.to_team) == (None, cast.support)


def test_where_nobody_can_take_it_it_stays(cast: Cast) -> None:
    """Nothing is ever nobody's: then it is still who had it."""
    Membership.objects.filter(agent__in=[cast.bob, cast.charlie]).delete()
    shift_of(cast.support, "Only", cast.alice, ends=10 * MINUTE)
    shift_ends.tell_due()
    ticket = alices(cast)
    over(Leaving.objects.get())
    assert shift_ends.settle_due() == 1
    assert not Offer.objects.exists()
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)


def test_what_is_offered_to_a_shift_is_not_given_out(cast: Cast) -> None:
    changing(cast)
    Team.objects.filter(pk=cast.support.pk).update(assigns="round_robin")
    ticket = alices(cast)
    ticket = ownership.release(ticket, by=cast.alice, epoch=2)
    stretch = rota.next_for(cast.alice, cast.support, database_now())
    offered(ticket, cast, team=cast.support, shift=stretch, packet=PACKET, epoch=3)
    comes(cast.bob)
    assert assignment.assign_due() == 0
    assert head_of(ticket.conversation_id)
