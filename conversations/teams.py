"""Teams: who answers for what, and within which time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Prefetch, ProtectedError
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from conversations import doorbells, ownership
from conversations.errors import BadInput
from conversations.models import Agent, Inbox, Membership, Team
from conversations.permissions import require_admin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

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
        Team.objects.prefetch_related(
            Prefetch("memberships", queryset=members), "inboxes"
        ).order_by("name")
    )


def save_team(
    team: Team,
    *,
    name: str,
    respond_within: timedelta,
    follow_up_after: timedelta,
    members: Iterable[Agent],
    by: Agent,
) -> Team:
    """Create a team or change it. What people who leave it owned there goes back to it, each in a
    transaction of its own."""
    team.name, team.respond_within, team.follow_up_after = name, respond_within, follow_up_after
    try:
        with transaction.atomic():
            team.save()
            doorbells.ring_teams()
    except IntegrityError:
        raise BadInput(_("There is a team of this name already.")) from None
    _set_members(team, members, by)
    log.info("team_saved", team=team.pk, agent=by.pk)
    return team


def remove(team: Team, *, by: Agent) -> None:
    """Raises BadInput while anything refers to the team; history never loses its names."""
    try:
        with transaction.atomic():
            team.delete()
    except (ProtectedError, IntegrityError):
        if Inbox.objects.filter(team=team.pk).exists():
            raise BadInput(
                _("Inboxes lead to this team. Give them to another team first.")
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
