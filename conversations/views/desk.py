"""The lists of the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from conversations.views import lists
from conversations.views.access import for_agents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.views.access import AgentRequest
    from conversations.views.lines import Line

MOST_IDS = 50


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


@never_cache
@require_GET
@for_agents
def rows(request: AgentRequest, folder: str, status: str) -> HttpResponse:
    """Rows for patching a list in place: those of `ids` that belong to it, else the first page;
    204 while nothing of that looks different from `mark`."""
    ids = request.GET.get("ids")
    if ids is not None:
        lines = lists.some(request.user, folder, status, _numbers(ids))
        return JsonResponse({"rows": _told(lines)})
    pane = lists.pane(request.user, folder, status)
    if request.GET.get("mark") == pane.mark:
        return HttpResponse(status=204)
    told: dict[str, object] = {"mark": pane.mark, "rows": _told(pane.lines)}
    if not pane.lines:
        told["empty"] = render_to_string("_partials/list_empty.html", {"pane": pane}, request)
    return JsonResponse(told)


def _told(lines: Sequence[Line]) -> list[dict[str, str]]:
    return [{"key": line.key, "html": line.drawn} for line in lines]


def _numbers(text: str) -> list[int]:
    """Row ids apart by commas. Raises Http404 for anything else."""
    parts = text.split(",")[:MOST_IDS]
    if any(not part.isascii() or not part.isdecimal() or len(part) > 18 for part in parts):
        raise Http404
    return [int(part) for part in parts]
