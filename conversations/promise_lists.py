"""Lists of promises: open ones by when they are due, and how many were kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from conversations.models import Agent, Membership, Promise
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models.promises import PromiseQuerySet

PAGE = 50
COUNTED = timedelta(days=30)


class Whose(models.TextChoices):
    MINE = "mine", _("Mine")
    TEAMS = "teams", _("My teams")
    OVERDUE = "overdue", _("Overdue")


@dataclass(frozen=True)
class Promises:
    """In the order in which they are due, and the cursor of the next page ('' at the end)."""

    promises: Sequence[Promise]
    next: str


@dataclass(frozen=True)
class Tally:
    """Of what an agent settled in thirty days: `inherited` ones somebody else had promised."""

    kept: int
    broken: int
    inherited: int


def listing(agent: Agent, whose: str, *, after: str = "") -> Promises:
    """One page of open promises. Raises ValueError for a list or cursor that isn't one."""
    rows = in_list(agent, Whose(whose))
    if after:
        at, _comma, pk = after.partition(",")
        moment = datetime.fromisoformat(at)
        rows = rows.filter(Q(due_at__gt=moment) | Q(due_at=moment, pk__gt=int(pk)))
    found = list(rows.with_people().with_inherited().order_by("due_at", "pk")[: PAGE + 1])
    more, found = len(found) > PAGE, found[:PAGE]
    last = f"{found[-1].due_at.isoformat()},{found[-1].pk}" if more else ""
    return Promises(found, last)


def tally(agent: Agent) -> Tally:
    """How the agent kept what was on them, whoever had promised it."""
    since = database_now() - COUNTED
    rows = Promise.objects.filter(closed_by=agent, closed_at__gt=since)
    return Tally(
        **rows.aggregate(
            kept=Count("pk", filter=Q(state="kept")),
            broken=Count("pk", filter=Q(state="broken")),
            inherited=Count("pk", filter=~Q(made_by=agent) & ~Q(state="withdrawn")),
        )
    )


def in_list(agent: Agent, whose: Whose) -> PromiseQuerySet:
    """Open promises of a list, in no order."""
    rows = Promise.objects.open().visible_to(agent)
    if whose == Whose.MINE:
        return rows.owed_by(agent)
    teams = Membership.objects.acting(agent).values("team")
    rows = rows.filter(Q(ticket__agent=agent) | Q(ticket__team__in=teams))
    return rows.overdue(database_now()) if whose == Whose.OVERDUE else rows
