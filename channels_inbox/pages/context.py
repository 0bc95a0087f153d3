"""What every page says about things that need somebody: not understood, or not told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists
from django.utils.functional import SimpleLazyObject

from channels_inbox import set_aside
from channels_inbox.models import ItemState, Webhook
from conversations.models import Agent

if TYPE_CHECKING:
    from django.http import HttpRequest


def attention(request: HttpRequest) -> dict[str, object]:
    """`dead_items` and `stopped_webhooks`, asked for together, only where a template looks."""
    agent = getattr(request, "user", None)
    read = SimpleLazyObject(lambda: needs(agent))
    return {
        "dead_items": SimpleLazyObject(lambda: read[0]),
        "stopped_webhooks": SimpleLazyObject(lambda: read[1]),
    }


def needs(agent: object) -> tuple[bool, bool]:
    """Whether a dead item, and a stopped webhook, waits for this agent."""
    if not isinstance(agent, Agent) or not agent.is_supervisor:
        return False, False
    dead = set_aside.visible_to(agent).filter(state=ItemState.DEAD)
    stopped = Webhook.objects.stopped() if agent.is_admin else Webhook.objects.none()
    [found] = Agent.objects.filter(pk=agent.pk).values_list(Exists(dead), Exists(stopped))
    dead_item, stopped_webhook = found
    return bool(dead_item), bool(stopped_webhook)
