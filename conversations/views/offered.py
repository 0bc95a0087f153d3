"""What is offered to an agent, and what leads have to look at because nobody answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from conversations import handoffs
from conversations.models import Alert, Offer
from conversations.permissions import alert_for
from conversations.views.access import for_agents
from conversations.views.answers import done

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.views.access import AgentRequest

MOST_COUNTED = 99
MOST_SHOWN = 100


@never_cache
@require_GET
@for_agents
def waiting(request: AgentRequest) -> HttpResponse:
    """How many offers wait for this agent, ninety-nine at most."""
    rows = Offer.objects.standing().to(request.user).values_list("pk")
    return JsonResponse({"count": len(rows[:MOST_COUNTED])})


@require_GET
@for_agents
def unanswered(request: AgentRequest) -> HttpResponse:
    """Those of the teams one leads; for who leads none there is nothing."""
    rows = Alert.objects.for_lead(request.user).unseen().order_by("-made_at", "-pk")
    alerts = rows.select_related(
        *("team", "ticket__conversation__customer", "ticket__agent", "ticket__team"),
        *("offer__to_team", "offer__to_agent", "offer__offered_by", "offer__from_agent"),
    )
    return render(request, "offers/unanswered.html", {"alerts": alerts[:MOST_SHOWN]})


@require_POST
@for_agents
def seen(request: AgentRequest, pk: int) -> HttpResponse:
    handoffs.saw([alert_for(request.user, pk)], by=request.user)
    return done(request, reverse("conversations:unanswered"))


@require_POST
@for_agents
def all_seen(request: AgentRequest) -> HttpResponse:
    """Those that were on the page; what came in since is not among them."""
    shown = [int(pk) for pk in request.POST.getlist("alert") if _is_id(pk)][:MOST_SHOWN]
    handoffs.saw(Alert.objects.for_lead(request.user).filter(pk__in=shown), by=request.user)
    return done(request, reverse("conversations:unanswered"))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
