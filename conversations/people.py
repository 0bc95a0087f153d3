"""Who works here, with which role and in which teams. There is always an admin left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import Prefetch
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from conversations import api_tokens, doorbells, ownership
from conversations.errors import BadInput
from conversations.models import Agent, Membership, Role
from conversations.permissions import require_admin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conversations.models import Team

log = structlog.get_logger(__name__)


def person(pk: int, *, by: Agent) -> Agent:
    """Anybody who works or worked here, for an admin."""
    require_admin(by)
    found = Agent.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def everybody() -> Sequence[Agent]:
    """All agents, those who can sign in first, with their teams."""
    memberships = Membership.objects.select_related("team").order_by("team__name")
    rows = Agent.objects.prefetch_related(Prefetch("memberships", queryset=memberships))
    return list(rows.order_by("-is_active", "name", "pk"))


@transaction.atomic
def change_role(agent: Agent, *, role: str, by: Agent) -> None:
    """Raises BadInput for the last admin."""
    if role != Role.ADMIN:
        _keep_an_admin_besides(agent)
    changed = Agent.objects.filter(pk=agent.pk).exclude(role=role).update(role=role)
    agent.role = role
    if changed:
        if role != Role.ADMIN:
            api_tokens.revoke_made_for_others(agent, by=by)
        doorbells.ring_rights(agent.pk)
        log.info("role_changed", of=agent.pk, role=role, agent=by.pk)


def put_in_teams(agent: Agent, *, teams: Iterable[Team], by: Agent) -> None:
    """Be in these teams and no others. What the agent owned in a team they leave goes back to it.

    Each leaving is a transaction of its own: it locks conversations in the order of their ids.
    """
    wanted = {team.pk: team for team in teams}
    for membership in agent.memberships.select_related("team").exclude(team__in=wanted):
        ownership.leave(membership.team, agent, by=by)
    for team in wanted.values():
        ownership.join(team, agent)


@transaction.atomic
def disable(agent: Agent, *, by: Agent) -> None:
    """Sign somebody out for good; what they own goes back to its teams.

    Raises BadInput for the last admin and for oneself.
    """
    _keep_an_admin_besides(agent)
    ownership.disable(agent, by=by)
    api_tokens.revoke_all(agent, by=by)
    log.info("agent_disabled", of=agent.pk, agent=by.pk)


def enable(agent: Agent, *, by: Agent) -> None:
    ownership.enable(agent)
    log.info("agent_enabled", of=agent.pk, agent=by.pk)


def set_own_page(agent: Agent, *, name: str, language: str, theme: str) -> None:
    """What people choose for themselves."""
    agent.name, agent.language, agent.theme = name, language, theme
    agent.save(update_fields=["name", "language", "theme"])


def _keep_an_admin_besides(agent: Agent) -> None:
    """Lock the admins, so that of two who disable each other the second one sees the first."""
    admins = Agent.objects.filter(role=Role.ADMIN, is_active=True).order_by("pk")
    left = set(admins.select_for_update(no_key=True).values_list("pk", flat=True))
    if left <= {agent.pk}:
        raise BadInput(_("This is the only admin. Make somebody else an admin first."))
