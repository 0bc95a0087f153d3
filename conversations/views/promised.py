"""What is promised: by oneself, by one's teams, and what is overdue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from conversations import promise_lists
from conversations.models import Promise
from conversations.moments import Reader
from conversations.views import lists, promise_cards
from conversations.views.access import for_agents

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.views.access import AgentRequest

MOST_COUNTED = 99


@never_cache
@require_GET
@for_agents
def pressing(request: AgentRequest) -> HttpResponse:
    """How many promises are due soon or overdue for this agent, ninety-nine at most."""
    rows = Promise.objects.pressing(request.user).values_list("pk")
    return JsonResponse({"count": len(rows[:MOST_COUNTED])})


@never_cache
@require_GET
@for_agents
def listing(request: AgentRequest, whose: str) -> HttpResponse:
    if whose not in promise_lists.Whose.values:
        raise Http404
    after = lists.checked_cursor(request.GET.get("after", ""))
    page = promise_lists.listing(request.user, whose, after=after)
    shown = {
        "whose": whose,
        "tabs": promise_lists.Whose.choices,
        "cards": promise_cards.cards_of(page.promises, request.user, Reader.here(), shown=None),
        "next": page.next,
        "tally": promise_lists.tally(request.user) if not after else None,
        "title": promise_lists.Whose(whose).label,
    }
    return render(request, "promises/promises.html", shown)
