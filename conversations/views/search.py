"""The search page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_GET

from conversations import search
from conversations.forms import SearchForm
from conversations.views.access import for_agents

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.views.access import AgentRequest


@require_GET
@for_agents
def search_page(request: AgentRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    query = form.cleaned_data["q"] if form.is_valid() else ""
    found = search.search(request.user, query)
    context = {"query": query, "found": found, "errors": form.errors}
    return render(request, "conversations/search.html", context)
