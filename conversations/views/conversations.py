"""The page of a conversation, and what changed since it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from conversations import beside, reading, timeline
from conversations.models import HeldState, Membership
from conversations.moments import Reader
from conversations.permissions import conversation_for
from conversations.templatetags.desk import customer_name
from conversations.views import cards, feed, offer_cards, promise_cards, strips
from conversations.views.access import for_agents
from conversations.views.screen import asked_page, may_change, screen, tickets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conversations.models import Agent, Conversation, Entry, HeldSend
    from conversations.timeline import Changes
    from conversations.views.access import AgentRequest
    from conversations.views.promise_cards import PromiseCard


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
    left = reading.left_at(request.user, found)
    shown = {**screen(request, found), "left": left}
    return render(request, "conversations/conversation.html", shown)


@never_cache
@require_GET
@for_agents
def rows(request: AgentRequest, pk: int) -> HttpResponse:
    """A stretch of the thread for a page that is open: before or after a cursor, the first rows,
    those around an entry, or the newest."""
    found = conversation_for(request.user, pk)
    if found.pk != pk:
        return JsonResponse({"reset": True})
    page = asked_page(request, found)
    items = cards.drawn_feed(page.entries, request.user, found.customer, Reader.here())
    told = {"head": page.head, "before": page.before, "after": page.after, "reset": False}
    return JsonResponse({**told, "html": "".join(items)})


@never_cache
@require_GET
@for_agents
def since(request: AgentRequest, pk: int) -> HttpResponse:
    """What changed after `rev`, as rows made by the partials of the page. `ticket` is the one whose
    header the page shows."""
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

    reader = Reader.here()
    for one in feed.patched(changes.entries):
        yield {
            "key": f"entry:{one.entry.pk}",
            "html": cards.drawn(one, request.user, found.customer, reader),
            "at": one.entry.at.isoformat(),
            **_own(request, one.entry),
        }
    shown = request.GET.get("ticket")
    teams = _teams(request.user, changes)
    for ticket in changes.tickets:
        if shown in (None, str(ticket.pk)):
            may_act = ticket.may_act(request.user, teams)
            drawn = strips.drawn_strip(request, ticket, request.user, reader, may_act=may_act)
            yield {"key": f"ticket:{ticket.pk}", "html": drawn}
        yield {"key": f"matter:{ticket.pk}", "html": strips.drawn_matter(ticket, reader)}
    may = bool(changes.identities) and may_change(
        tickets_of(found, request.user), request.user, teams
    )
    for identity in changes.identities:
        yield row(f"identity:{identity.pk}", "identity", identity=identity, may_change=may)
    for held in changes.held:
        waits = held.state in (HeldState.HELD, HeldState.STOPPED)
        told = row(f"held:{held.pk}", "held", one=held) | _own(request, held)
        yield told if waits else told | {"html": ""}
    for card in offer_cards.cards_of(changes.offers, request.user):
        told = row(f"offer:{card.pk}", "offer", card=card, seen=changes.head)
        yield told if card.offer.is_open else told | {"html": ""}
    for bar in _bars(request, found, changes, reader):
        told = row(f"promise:{bar.pk}", "promise", card=bar)
        yield told if bar.promise.is_open else told | {"html": ""}
    if any(entry.event == "customer_renamed" for entry in changes.entries):
        yield {"key": "customer", "html": "", "name": customer_name(found.customer)}
    if not changes.entries and not changes.more:
        # Something changed that isn't for this agent: perhaps a matter that is shown as one line.
        for ticket in beside.hidden_tickets(found, request.user):
            yield row(f"hidden:{ticket.pk}", "hidden", one=ticket)


def _bars(
    request: AgentRequest, found: Conversation, changes: Changes, reader: Reader
) -> Sequence[PromiseCard]:
    """Promises that changed, and those of tickets that did: others may be the ones to keep them."""
    told = {promise.pk: promise for promise in changes.promises}
    moved = {ticket.pk for ticket in changes.tickets if ticket.promised_at}
    if moved:
        rows = beside.promises(found, request.user)
        told = {row.pk: row for row in rows if row.ticket_id in moved} | told
    shown = request.GET.get("ticket", "")
    ticket = int(shown) if shown.isascii() and shown.isdecimal() and len(shown) < 19 else None
    return promise_cards.cards_of(told.values(), request.user, reader, shown=ticket)


def _teams(agent: Agent, changes: Changes) -> frozenset[int]:
    """Those the agent acts in, where it makes a difference."""
    asked = changes.tickets or changes.identities
    return Membership.objects.acting_teams(agent) if asked else frozenset()


def _own(request: AgentRequest, row: Entry | HeldSend) -> dict[str, Any]:
    """By its token the browser that sent it knows its own copy."""
    mine = row.agent_id == request.user.pk
    return {"mine": mine, "token": str(row.client_token) if mine else ""}
