"""The page of a conversation, and what changed since it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from conversations import timeline
from conversations.models import HeldState, Ticket
from conversations.permissions import conversation_for
from conversations.views import feed
from conversations.views.access import for_agents
from conversations.views.screen import may_change, screen, strip, tickets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Conversation
    from conversations.timeline import Changes
    from conversations.views.access import AgentRequest


@never_cache
@require_GET
@for_agents
def conversation(request: AgentRequest, pk: int) -> HttpResponse:
    """A customer's thread. The id of one that was joined leads to the live one."""
    found = conversation_for(request.user, pk)
    if found.pk != pk:
        query = request.META.get("QUERY_STRING", "")
        return redirect(
            reverse("conversations:conversation", args=[found.pk]) + f"?{query}".rstrip("?")
        )
    return render(request, "conversations/conversation.html", screen(request, found))


@never_cache
@require_GET
@for_agents
def since(request: AgentRequest, pk: int) -> HttpResponse:
    """What changed after `rev`, as rows made by the partials of the page."""
    found = conversation_for(request.user, pk)
    text = request.GET.get("rev", "")
    if not text.isdecimal() or len(text) > 18:
        raise Http404
    changes = timeline.since(found, request.user, int(text))
    reset = changes.reset or found.pk != pk
    rows = [] if reset else list(_rows(request, found, changes))
    return JsonResponse({"head": changes.head, "more": changes.more, "reset": reset, "rows": rows})


def _rows(request: AgentRequest, found: Conversation, changes: Changes) -> Iterator[dict[str, Any]]:
    shared = {"conversation": found, "customer": found.customer, "live": True}

    def row(key: str, partial: str, **context: object) -> dict[str, Any]:
        html = render_to_string(f"_partials/{partial}.html", {**shared, **context}, request)
        return {"key": key, "html": html.strip()}

    for one in feed.patched(changes.entries):
        told = row(one.key, "row", row=one)
        yield told | {"at": one.entry.at.isoformat(), "mine": one.entry.agent_id == request.user.pk}
    for ticket in _whole(changes):
        may_act = ticket.may_act(request.user)
        around = strip(ticket, request.user, may_act=may_act)
        yield row(f"ticket:{ticket.pk}", "strip", ticket=ticket, **around)
        yield row(f"matter:{ticket.pk}", "matter", matter=ticket)
    may = bool(changes.identities) and may_change(tickets_of(found, request.user), request.user)
    for identity in changes.identities:
        yield row(f"identity:{identity.pk}", "identity", identity=identity, may_change=may)
    for held in changes.held:
        waits = held.state in (HeldState.HELD, HeldState.STOPPED)
        told = row(f"held:{held.pk}", "held", one=held)
        yield told if waits else told | {"html": ""}


def _whole(changes: Changes) -> list[Ticket]:
    """The changed tickets with all that a header shows."""
    rows = Ticket.objects.filter(pk__in=[ticket.pk for ticket in changes.tickets])
    return list(rows.select_related("conversation__customer", "team", "agent", "bot", "inbox"))
