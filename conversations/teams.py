"""Teams: who answers for what, and within which time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Prefetch, ProtectedError, Q
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from conversations import doorbells, ownership, shifts, wake
from conversations.errors import BadInput
from conversations.models import Agent, Assigning, Inbox, Membership, Team, Ticket
from conversations.models.people import OFFLINE_GRACE
from conversations.permissions import require_admin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

log = structlog.get_logger(__name__)


def team_of(pk: int, *, by: Agent) -> Team:
    """Any team, for an admin."""
    require_admin(by)
    found = Team.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def every_team() -> Sequence[Team]:
    """All teams with the members who can act, and their inboxes."""
    members = Membership.objects.filter(active=True).select_related("agent").order_by("agent__name")
    return list(
        Team.objects.select_related("parent")
        .prefetch_related(Prefetch("memberships", queryset=members), "inboxes")
        .order_by("name")
    )


@dataclass(frozen=True)
class Terms:
    """What a team answers within, who stands in for it, and how it gives out what waits."""

    respond_within: timedelta
    follow_up_after: timedelta
    parent: Team | None = None
    is_last_stop: bool = False
    assigns: str = Assigning.OFF
    last_agent_first: bool = True
    offline_grace: timedelta | None = OFFLINE_GRACE
    zone: str = "UTC"


def save_team(team: Team, *, name: str, terms: Terms, members: Iterable[Agent], by: Agent) -> Team:
    """Create a team or change it. What people who leave it owned there goes back to it, each in a
    transaction of its own. The first team is the last stop, until another one is.

    Raises BadInput for a name that is taken, a zone we don't know, and for a parent the team itself
    stands in for.
    """
    team.name = name
    zone_before = team.zone if team.pk else terms.zone
    for field in fields(terms):
        setattr(team, field.name, getattr(terms, field.name))
    shifts.require_zone(terms.zone)
    try:
        with transaction.atomic():
            _settle_chain(team)
            team.save()
            if team.zone != zone_before:
                shifts.plan_all_anew(team)
            doorbells.ring_teams()
    except IntegrityError:
        raise BadInput(_("There is a team of this name already.")) from None
    _set_members(team, members, by)
    wake.assign_in(team)
    log.info("team_saved", team=team.pk, agent=by.pk)
    return team


def _settle_chain(team: Team) -> None:
    """One last stop and no circle, also when two are saved at once: all are locked, as few are."""
    rows = {row.pk: row for row in Team.objects.select_for_update(no_key=True).order_by("pk")}
    last = next((row.pk for row in rows.values() if row.is_last_stop), None)
    if last in (None, team.pk):
        team.is_last_stop = True
    elif team.is_last_stop:
        Team.objects.filter(pk=last).update(is_last_stop=False)
    if team.is_last_stop:
        team.parent = None
    above, seen = team.parent_id, set[int]()
    while above is not None and above not in seen:
        if above == team.pk:
            raise BadInput(_("These teams would stand in for each other. Choose another one."))
        seen.add(above)
        above = rows[above].parent_id


def with_nobody_left() -> QuerySet[Team]:
    """Teams in which something may wait for nobody: none can act in the last stop, or in one whose
    conversations others may not read."""
    acting = Membership.objects.filter(active=True, team=OuterRef("pk"))
    alone = Ticket.objects.unresolved().filter(team=OuterRef("pk")).exclude(restriction="")
    empty = Team.objects.filter(~Exists(acting))
    return empty.filter(Q(is_last_stop=True) | Exists(alone))


def remove(team: Team, *, by: Agent) -> None:
    """Raises BadInput while anything refers to the team; history never loses its names. The last
    stop stays."""
    if Team.objects.filter(pk=team.pk, is_last_stop=True).exists():
        raise BadInput(
            _(
                "This is the last stop: it answers where nobody else does. "
                "Make another team the last stop first."
            )
        )
    try:
        with transaction.atomic():
            team.delete()
    except (ProtectedError, IntegrityError):
        if Inbox.objects.filter(team=team.pk).exists():
            raise BadInput(
                _("Inboxes lead to this team. Give them to another team first.")
            ) from None
        if Team.objects.filter(parent=team.pk).exists():
            raise BadInput(
                _("This team stands in for another one. Choose another one there first.")
            ) from None
        raise BadInput(
            _("Conversations belong to this team, or did once. Rename it, or take its members out.")
        ) from None
    log.info("team_removed", team=str(team), agent=by.pk)


def _set_members(team: Team, members: Iterable[Agent], by: Agent) -> None:
    wanted = {agent.pk: agent for agent in members}
    gone = team.memberships.filter(active=True).exclude(agent__in=wanted).select_related("agent")
    for membership in gone:
        ownership.leave(team, membership.agent, by=by)
    for agent in wanted.values():
        ownership.join(team, agent)
