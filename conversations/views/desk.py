"""The lists of the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from conversations.views import lists
from conversations.views.access import for_agents

if TYPE_CHECKING:
    from conversations.views.access import AgentRequest


@require_GET
@for_agents
def home(request: AgentRequest) -> HttpResponse:
    return redirect("conversations:list", *lists.came_from(request))


@require_GET
@for_agents
def listing(request: AgentRequest, folder: str, status: str) -> HttpResponse:
    pane = lists.pane(request.user, folder, status, request.GET.get("after", ""))
    response = render(request, "conversations/list.html", {"pane": pane})
    return lists.remember(response, folder, status)


@require_GET
@for_agents
def rows(request: AgentRequest, folder: str, status: str) -> HttpResponse:
    """The first page of a list, for patching it in place; 204 while nothing looks different."""
    pane = lists.pane(request.user, folder, status)
    if request.GET.get("mark") == pane.mark:
        return HttpResponse(status=204)
    told = [
        {
            "key": f"row:{ticket.pk}",
            "html": render_to_string(
                "_partials/list_row.html", {"ticket": ticket, "pane": pane}, request
            ),
        }
        for ticket in pane.tickets
    ]
    return JsonResponse({"mark": pane.mark, "rows": told})
