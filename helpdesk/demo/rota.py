"""The shifts of the demo's Support team: whenever the demo is made, one of them has a good while to
go, so that its board shows who works now, who comes next, and what would be handed over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from conversations import shifts
from conversations.models import Shift, Team
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Agent

ZONE: Final = "Asia/Ho_Chi_Minh"
LENGTH: Final = timedelta(hours=8)
BEGAN_BEFORE: Final = timedelta(hours=3)
# Who works, beginning with the shift that is on. Whoever opens the demo as one of the first two may
# hand over; the others come in.
WORKED: Final = (("anh", "ben"), ("linh", "suri"), ("ada",))


def give_shifts(team: Team, agents: dict[str, Agent]) -> None:
    """Three shifts a day, of eight hours each, the first of which began about three hours ago."""
    team.zone = ZONE
    team.save(update_fields=["zone"])
    began = _first_began(database_now())
    for number, slugs in enumerate(WORKED):
        begins = began + number * LENGTH
        _give(team, begins, [agents[slug] for slug in slugs])


def _first_began(now: datetime) -> datetime:
    """On the hour."""
    there = (now - BEGAN_BEFORE).astimezone(ZoneInfo(ZONE))
    return there.replace(minute=0, second=0, microsecond=0)


def _give(team: Team, begins: datetime, workers: Sequence[Agent]) -> None:
    shifts.save_shift(
        Shift(team=team),
        name=_name(begins.hour),
        weekdays=range(7),
        begins=begins.time(),
        ends=(begins + LENGTH).time(),
        agents=workers,
        by=workers[0],
    )


def _name(hour: int) -> str:
    """What a shift that begins at this hour is called: three that are eight hours apart have three
    names."""
    if 3 <= hour < 11:
        return "Early"
    return "Late" if 11 <= hour < 19 else "Night"
