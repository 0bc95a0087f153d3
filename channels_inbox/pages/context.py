"""What every page says about things that need somebody: not understood, not told, not answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists
from django.utils.functional import SimpleLazyObject

from channels_inbox import set_aside
from channels_inbox.models import Account, ItemState, Webhook
from channels_inbox.pages.health import stuck
from conversations import rota, teams
from conversations.models import Agent, Alert, Team

if TYPE_CHECKING:
    from django.http import HttpRequest

    from conversations.rota import OfPage

Needs = tuple[bool, ...]
NOTHING: Needs = (False,) * 5


def attention(request: HttpRequest) -> dict[str, object]:
    """`dead_items`, `stopped_webhooks`, `unanswered_offers`, `nobody_left` and `stuck_inboxes`,
    asked for together, only where a template looks; `of_shifts` is as `rota.of_page` tells it."""
    agent = getattr(request, "user", None)
    read = SimpleLazyObject(lambda: _read(agent))
    return {
        "dead_items": SimpleLazyObject(lambda: read[0][0]),
        "stopped_webhooks": SimpleLazyObject(lambda: read[0][1]),
        "unanswered_offers": SimpleLazyObject(lambda: read[0][2]),
        "nobody_left": SimpleLazyObject(lambda: read[0][3]),
        "stuck_inboxes": SimpleLazyObject(lambda: read[0][4]),
        "of_shifts": SimpleLazyObject(lambda: read[1]),
    }


def needs(agent: object) -> Needs:
    """Whether a dead item, a stopped webhook, an offer nobody answered, a team in which nobody is
    left, and an inbox by which nothing passes wait for this agent."""
    return _read(agent)[0]


def _read(agent: object) -> tuple[Needs, OfPage]:
    if not isinstance(agent, Agent):
        return NOTHING, (False, None)
    if not agent.is_supervisor:
        return NOTHING, agent.of_shifts or rota.of_page(agent)
    dead = set_aside.visible_to(agent).filter(state=ItemState.DEAD)
    stopped = Webhook.objects.stopped() if agent.is_admin else Webhook.objects.none()
    alerts = Alert.objects.for_lead(agent).unseen()
    empty = teams.with_nobody_left() if agent.is_admin else Team.objects.none()
    closed = stuck() if agent.is_admin else Account.objects.none()
    asked = (Exists(dead), Exists(stopped), Exists(alerts), Exists(empty), Exists(closed))
    [found] = Agent.objects.filter(pk=agent.pk).values_list(*asked, *rota.asked_of_page(agent))
    *waiting, has_shifts, ends_at = found
    return tuple(map(bool, waiting)), (bool(has_shifts), ends_at)
