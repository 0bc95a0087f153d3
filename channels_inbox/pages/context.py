"""What every page says about things that need somebody: not understood, or not told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.functional import SimpleLazyObject

from channels_inbox import set_aside
from channels_inbox.webhooks import keeping
from conversations.models import Agent

if TYPE_CHECKING:
    from django.http import HttpRequest


def dead_items(request: HttpRequest) -> dict[str, object]:
    """`dead_items`, asked for only where a template looks at it."""
    agent = getattr(request, "user", None)
    return {
        "dead_items": SimpleLazyObject(
            lambda: isinstance(agent, Agent) and set_aside.any_dead(agent)
        )
    }


def stopped_webhooks(request: HttpRequest) -> dict[str, object]:
    """`stopped_webhooks`, asked for only where a template looks at it."""
    agent = getattr(request, "user", None)
    return {
        "stopped_webhooks": SimpleLazyObject(
            lambda: isinstance(agent, Agent) and keeping.any_stopped(agent)
        )
    }
