"""What every page says about things that need somebody: not understood, not told, not answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists
from django.utils.functional import SimpleLazyObject

from channels_inbox import set_aside
from channels_inbox.models import Account, ItemState, Webhook
from channels_inbox.pages.health import stuck
from conversations import teams
from conversations.models import Agent, Alert, Team

if TYPE_CHECKING:
    from django.http import HttpRequest

Needs = tuple[bool, ...]
NOTHING: Needs = (False,) * 5


def attention(request: HttpRequest) -> dict[str, object]:
    """`dead_items`, `stopped_webhooks`, `unanswered_offers`, `nobody_left` and `stuck_inboxes`,
    asked for together, only where a template looks."""
    agent = getattr(request, "user", None)
    read = SimpleLazyObject(lambda: needs(agent))
    return {
        "dead_items": SimpleLazyObject(lambda: read[0]),
        "stopped_webhooks": SimpleLazyObject(lambda: read[1]),
        "unanswered_offers": SimpleLazyObject(lambda: read[2]),
        "nobody_left": SimpleLazyObject(lambda: read[3]),
        "stuck_inboxes": SimpleLazyObject(lambda: read[4]),
    }


def needs(agent: object) -> Needs:
    """Whether a dead item, a stopped webhook, an offer nobody answered, a team in which nobody is
    left, and an inbox by which nothing passes wait for this agent."""
    if not isinstance(agent, Agent) or not agent.is_supervisor:
        return NOTHING
    dead = set_aside.visible_to(agent).filter(state=ItemState.DEAD)
    stopped = Webhook.objects.stopped() if agent.is_admin else Webhook.objects.none()
    alerts = Alert.objects.for_lead(agent).unseen()
    empty = teams.with_nobody_left() if agent.is_admin else Team.objects.none()
    closed = stuck() if agent.is_admin else Account.objects.none()
    asked = (Exists(dead), Exists(stopped), Exists(alerts), Exists(empty), Exists(closed))
    [found] = Agent.objects.filter(pk=agent.pk).values_list(*asked)
    return tuple(map(bool, found))
