"""What every page says about things that need somebody: not understood, not told, not answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists
from django.utils.functional import SimpleLazyObject

from channels_inbox import set_aside
from channels_inbox.models import ItemState, Webhook
from conversations import teams
from conversations.models import Agent, Alert, Team

if TYPE_CHECKING:
    from django.http import HttpRequest


def attention(request: HttpRequest) -> dict[str, object]:
    """`dead_items`, `stopped_webhooks`, `unanswered_offers` and `nobody_left`, asked for together,
    only where a template looks."""
    agent = getattr(request, "user", None)
    read = SimpleLazyObject(lambda: needs(agent))
    return {
        "dead_items": SimpleLazyObject(lambda: read[0]),
        "stopped_webhooks": SimpleLazyObject(lambda: read[1]),
        "unanswered_offers": SimpleLazyObject(lambda: read[2]),
        "nobody_left": SimpleLazyObject(lambda: read[3]),
    }


def needs(agent: object) -> tuple[bool, bool, bool, bool]:
    """Whether a dead item, a stopped webhook, an offer nobody answered, and a team in which nobody
    is left wait for this agent."""
    if not isinstance(agent, Agent) or not agent.is_supervisor:
        return False, False, False, False
    dead = set_aside.visible_to(agent).filter(state=ItemState.DEAD)
    stopped = Webhook.objects.stopped() if agent.is_admin else Webhook.objects.none()
    alerts = Alert.objects.for_lead(agent).unseen()
    empty = teams.with_nobody_left() if agent.is_admin else Team.objects.none()
    asked = (Exists(dead), Exists(stopped), Exists(alerts), Exists(empty))
    [found] = Agent.objects.filter(pk=agent.pk).values_list(*asked)
    dead_item, stopped_webhook, alert, team = found
    return bool(dead_item), bool(stopped_webhook), bool(alert), bool(team)
