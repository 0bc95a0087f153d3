"""The weekly shifts of a team: made, changed, removed; and when each one's end is to be told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from conversations import doorbells
from conversations.errors import BadInput
from conversations.models import Clock, Leaving, Membership, Shift, ShiftEnd, ShiftWorker, Team
from conversations.thread import database_now
from conversations.weekly import spans

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime, time

    from conversations.models import Agent

log = structlog.get_logger(__name__)

TELL_BEFORE: Final = timedelta(minutes=15)


def save_shift(
    shift: Shift,
    *,
    name: str,
    weekdays: Collection[int],
    begins: time,
    ends: time,
    agents: Iterable[Agent],
    by: Agent,
) -> Shift:
    """Create a shift of its team or change it; Monday is 0. Times are those of the team's clocks,
    and it ends on the next day where `ends` isn't later than `begins`.

    Raises BadInput for a name that is taken, for no day, and for who isn't in the team.
    """
    wanted = {agent.pk for agent in agents}
    if not weekdays or not name.strip():
        raise BadInput(_("Give the shift a name and at least one day."))
    shift.name, shift.weekdays = name.strip(), sorted(set(weekdays))
    shift.begins, shift.ends = begins, ends
    try:
        with transaction.atomic():
            _locked(shift.team_id)
            shift.save()
            _set_workers(shift, wanted)
            plan_anew(shift)
    except IntegrityError:
        raise BadInput(_("There is a shift of this name already.")) from None
    _ring(shift.team_id)
    log.info("shift_saved", shift=shift.pk, team=shift.team_id, agent=by.pk)
    return shift


def remove_shift(shift: Shift, *, by: Agent) -> None:
    """Nobody works it any more. What was offered to it comes to nothing at the next sweep, and is
    its owner's again. Removing it again changes nothing."""
    with transaction.atomic():
        _locked(shift.team_id)
        if Shift.objects.kept().filter(pk=shift.pk).update(removed_at=Clock()):
            _forget_plan(shift, database_now())
    _ring(shift.team_id)
    log.info("shift_removed", shift=shift.pk, team=shift.team_id, agent=by.pk)


def require_zone(name: str) -> None:
    """Raises BadInput for a time zone we don't know."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(_("We don't know this time zone. Choose another one.")) from None


def plan_all_anew(team: Team) -> None:
    """The shifts of a team go by other clocks, within the transaction that says so."""
    for shift in Shift.objects.kept().filter(team=team).order_by("pk"):
        shift.team = team
        plan_anew(shift)


def plan_anew(shift: Shift) -> None:
    """What was planned or told of ends to come may not be so any more."""
    now = database_now()
    _forget_plan(shift, now)
    plan_next(shift, now)


def plan_next(shift: Shift, after: datetime) -> None:
    """Write down when the first end of a shift after this moment is to be told."""
    begins_at, ends_at = next(spans(shift.hours, shift.zone, after=after))
    tell_at = max(begins_at, ends_at - TELL_BEFORE)
    ShiftEnd.objects.create(shift=shift, begins_at=begins_at, ends_at=ends_at, tell_at=tell_at)


def _forget_plan(shift: Shift, now: datetime) -> None:
    ShiftEnd.objects.filter(shift=shift, ends_at__gt=now).delete()
    ShiftEnd.objects.filter(shift=shift, told_at=None).delete()
    Leaving.objects.open().filter(shift=shift, ends_at__gt=now, sign_offs=None).delete()


def _locked(team: int) -> None:
    """Whoever changes shifts of a team, or tells of their ends, does so one after the other."""
    Team.objects.select_for_update(no_key=True).get(pk=team)


def _set_workers(shift: Shift, wanted: set[int]) -> None:
    members = Membership.objects.filter(team=shift.team_id, agent__in=wanted)
    if members.count() != len(wanted):
        raise BadInput(_("They are not an active member of that team."))
    shift.workers.exclude(agent__in=wanted).delete()
    there = set(shift.workers.values_list("agent", flat=True))
    ShiftWorker.objects.bulk_create(
        ShiftWorker(shift=shift, team_id=shift.team_id, agent_id=pk)
        for pk in sorted(wanted - there)
    )


def _ring(team: int) -> None:
    for pk in Membership.objects.filter(team=team, active=True).values_list("agent", flat=True):
        doorbells.ring_shift(pk)
