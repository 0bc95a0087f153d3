"""Shifts as tests need them: around this moment, whatever the time of day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from conversations import ownership, shift_ends, shifts
from conversations.models import Leaving, Shift, ShiftEnd
from conversations.thread import database_now
from tests.builders import make_ticket

if TYPE_CHECKING:
    from conversations.models import Agent, Team, Ticket
    from tests.builders import Cast

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def shift_of(
    team: Team, name: str, *agents: Agent, begins: timedelta = -HOUR, ends: timedelta = HOUR
) -> Shift:
    """Every day, from so long from now until so long from now (at most a day later)."""
    now = database_now()
    return shifts.save_shift(
        Shift(team=team),
        name=name,
        weekdays=range(7),
        begins=(now + begins).time(),
        ends=(now + ends).time(),
        agents=agents,
        by=agents[0],
    )


def changing(cast: Cast) -> tuple[Shift, Shift]:
    """Alice's shift ends in ten minutes; Bob's has begun five minutes ago."""
    early = shift_of(cast.support, "Early", cast.alice, begins=-8 * HOUR, ends=10 * MINUTE)
    late = shift_of(cast.support, "Late", cast.bob, begins=-5 * MINUTE, ends=8 * HOUR)
    return early, late


def told(cast: Cast) -> Leaving:
    """Alice has been told that her shift ends."""
    changing(cast)
    assert shift_ends.tell_due() == 1
    return Leaving.objects.get(agent=cast.alice)


def over(leaving: Leaving) -> None:
    """The shift is over, and the time to finish something, too."""
    now = database_now()
    Leaving.objects.filter(pk=leaving.pk).update(ends_at=now, settle_at=now)


def time_to_tell(shift: Shift) -> None:
    rows = ShiftEnd.objects.filter(shift=shift, told_at=None)
    for row in rows:
        row.tell_at = row.begins_at
        row.save()


def alices(cast: Cast, name: str = "kim") -> Ticket:
    """A customer's ticket that Alice owns."""
    found = make_ticket(
        cast.inbox,
        f"{name}@example.org",
        label=name.title(),
        subject=f"Parcel of {name.title()}",
        text=f"Hello,\nwhere is the parcel of {name}?",
    )
    return ownership.take(found, by=cast.alice, epoch=1)
