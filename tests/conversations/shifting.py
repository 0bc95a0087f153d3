"""People who come and go, as tests need them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from conversations import presence
from conversations.models import Presence, Team
from conversations.thread import database_now

if TYPE_CHECKING:
    from conversations.models import Agent


def comes(*agents: Agent, state: str = "online") -> None:
    """They open a page, and are what they choose."""
    presence.renew(agent.pk for agent in agents)
    for agent in agents:
        presence.choose(agent, state)


def vanishes(agent: Agent, *, ago: timedelta = timedelta(seconds=1)) -> None:
    """The laptop was closed: nothing renewed the lease, which ended some time ago."""
    Presence.objects.filter(pk=agent.pk).update(online_until=database_now() - ago)


def gone_for(agent: Agent, time: timedelta) -> None:
    """Vanished, and noticed, this long ago."""
    vanishes(agent, ago=time)
    presence.tell_changes()
    Presence.objects.filter(pk=agent.pk).update(told_at=database_now() - time)


def sets(team: Team, **fields: Any) -> Team:
    for name, value in fields.items():
        setattr(team, name, value)
    team.save(update_fields=list(fields))
    return team
