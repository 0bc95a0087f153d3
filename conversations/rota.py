"""Which shift is on, which comes next, and who works it: read from the weekly shifts of a team."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Prefetch, Subquery

from conversations.models import Agent, Leaving, Membership, Shift, ShiftWorker
from conversations.weekly import spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from conversations.models import Team

OfPage = tuple[bool, "datetime | None"]


@dataclass(frozen=True)
class Stretch:
    """One time that a shift is worked."""

    shift: Shift
    begins_at: datetime
    ends_at: datetime

    @property
    def workers(self) -> list[Agent]:
        """Who works it, of those who can act."""
        return [worker.agent for worker in self.shift.workers.all()]

    def is_on(self, at: datetime) -> bool:
        return self.begins_at <= at < self.ends_at

    def has(self, agent: Agent) -> bool:
        return any(worker.agent_id == agent.pk for worker in self.shift.workers.all())


def shifts_of(teams: Iterable[int]) -> list[Shift]:
    """The shifts of these teams that somebody works, with who does."""
    acting = Membership.objects.filter(team=OuterRef("team"), agent=OuterRef("agent"), active=True)
    workers = ShiftWorker.objects.filter(Exists(acting)).select_related("agent")
    rows = Shift.objects.kept().filter(team__in=list(teams)).select_related("team")
    found = rows.prefetch_related(Prefetch("workers", workers.order_by("agent__name", "pk")))
    return [shift for shift in found.order_by("pk") if shift.workers.all()]


def stretch_after(shift: Shift, at: datetime) -> Stretch:
    """The one that is on then, or else comes next."""
    return Stretch(shift, *next(spans(shift.hours, shift.zone, after=at)))


def on(shifts: Sequence[Shift], at: datetime) -> list[Stretch]:
    """What is on at a moment; what ends first comes first."""
    found = [one for shift in shifts if (one := stretch_after(shift, at)).is_on(at)]
    return sorted(found, key=lambda one: (one.ends_at, one.shift.pk))


def end_of(shifts: Sequence[Shift], agent: Agent, at: datetime) -> datetime | None:
    """When an agent who is on shift at this moment leaves: shifts that follow each other without
    a gap are worked on. None for who isn't on shift, and who never leaves."""
    mine = [shift for shift in shifts if Stretch(shift, at, at).has(agent)]
    end = at
    # A week of shifts that meet never ends.
    for _step in range(7 * len(mine) + 1):
        later = [one.ends_at for one in on(mine, end) if one.ends_at > end]
        if not later:
            return end if end > at else None
        end = max(later)
    return None


def next_after(
    shifts: Sequence[Shift], end: datetime, *, but: Agent | None = None
) -> Stretch | None:
    """Which shift goes on with the work that is left at `end`: of those that are on then the one
    that began last, else the next to begin. One that only `but` works goes on with nothing."""
    coming = [stretch_after(shift, end) for shift in shifts]
    found = [one for one in coming if any(who != but for who in one.workers)]
    there = [one for one in found if one.begins_at <= end]
    if there:
        return max(there, key=lambda one: (one.begins_at, -one.shift.pk))
    return min(found, key=lambda one: (one.begins_at, one.shift.pk), default=None)


def next_to_begin(shifts: Sequence[Shift], at: datetime) -> Stretch | None:
    """The first that begins after a moment, whoever works it."""
    coming = [stretch_after(shift, at) for shift in shifts]
    later = [stretch_after(one.shift, one.ends_at) if one.is_on(at) else one for one in coming]
    return min(later, key=lambda one: (one.begins_at, one.shift.pk), default=None)


def next_for(agent: Agent, team: Team, at: datetime) -> Stretch | None:
    """To whom an agent hands over as to "the next shift" of a team; None where it has no shifts.

    Who goes off shift: to who is there then. Who works on after it: to who is there now. Others:
    to the one after that which is on.
    """
    shifts = shifts_of([team.pk])
    if not shifts:
        return None
    told = Leaving.objects.open().filter(agent=agent, team=team).order_by("ends_at").first()
    return next_after(shifts, hands_over_at(shifts, agent, told, at), but=agent)


def hands_over_at(
    shifts: Sequence[Shift], agent: Agent, told: Leaving | None, at: datetime
) -> datetime:
    """At which moment what an agent hands over to the next shift of a team, of which these are all
    shifts, changes hands; `told` of which end they were, if of any."""
    if told:
        return told.ends_at
    own = end_of(shifts, agent, at)
    if own:
        return own
    if any(Stretch(shift, at, at).has(agent) for shift in shifts):
        return at
    current = on(shifts, at)
    return current[0].ends_at if current else at


def of_page(agent: Agent) -> OfPage:
    """What the frame of every page says: whether there are shifts for an agent; and when the one
    ends that they were told of, until all they had is offered."""
    [found] = Agent.objects.filter(pk=agent.pk).values_list(*asked_of_page(agent))
    has_shifts, ends_at = found
    return bool(has_shifts), ends_at


def asked_of_page(agent: Agent) -> tuple[Exists, Subquery]:
    """The same to ask together with other things of the agent's row. Supervisors see the shifts of
    every team, as they sign off those who leave."""
    shifts = Shift.objects.kept()
    if not agent.is_supervisor:
        shifts = shifts.filter(team__in=Membership.objects.acting(agent).values("team"))
    told = Leaving.objects.open().filter(agent=agent).order_by("ends_at").values("ends_at")
    return Exists(shifts), Subquery(told[:1])
