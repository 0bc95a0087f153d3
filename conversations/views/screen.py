"""All that the page of a conversation shows, read in a fixed number of queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404

from conversations import beside, merges, timeline
from conversations.columns import Columns
from conversations.models import Identity, Membership
from conversations.moments import Reader
from conversations.permissions import entry_for, may_act_on_any
from conversations.views import cards, lists, offer_cards, promise_cards, strips
from conversations.views.composing import composer, message_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from conversations.models import Agent, Conversation, Ticket
    from conversations.timeline import Page
    from conversations.views.access import AgentRequest
    from conversations.views.composing import Composer

MOST_TICKETS = 30
ADDRESS = Columns(Identity)
ADDRESSES = f"""
SELECT {ADDRESS.of("i")} FROM conversations_identity i
WHERE i.conversation_id = %(conversation)s ORDER BY i.kind, i.id
"""


def screen(
    request: AgentRequest,
    conversation: Conversation,
    *,
    ticket: Ticket | None = None,
    writing: Composer | None = None,
) -> dict[str, Any]:
    """`writing` is a composer to show again with what was typed, instead of a fresh one."""
    agent, reader = request.user, Reader.here()
    tickets = tickets_of(conversation, agent)
    wanted = ticket.pk if ticket else request.GET.get("ticket", "")
    chosen = _chosen(conversation, tickets, agent, str(wanted))
    page = (
        asked_page(request, conversation) if writing is None else timeline.page(conversation, agent)
    )
    teams = Membership.objects.acting_teams(agent)
    may_act = chosen is not None and chosen.may_act(agent, teams)
    if chosen and may_act and not page.after and writing is None:
        answer = message_of(chosen, agent, request.GET.get("answer"))
        writing = composer(
            chosen, agent, seen=page.head, answer=answer, everybody="all" in request.GET
        )
    return {
        "conversation": conversation,
        "customer": conversation.customer,
        "page": page,
        "items": cards.drawn_feed(
            page.entries,
            agent,
            conversation.customer,
            reader,
            target=request.GET.get("entry", ""),
        ),
        "from_top": "first" in request.GET or "after" in request.GET,
        "tickets": tickets,
        "ticket": chosen,
        "composer": writing,
        "pane": lists.pane_beside(request, chosen=chosen),
        "may_act": may_act,
        "strip": strips.drawn_strip(request, chosen, agent, reader, may_act=may_act)
        if chosen
        else "",
        "matters": [strips.drawn_matter(row, reader, chosen) for row in tickets],
        **side(
            conversation,
            agent,
            may_change=may_change(tickets, agent, teams),
            shown=chosen.pk if chosen else None,
        ),
    }


def side(
    conversation: Conversation, agent: Agent, *, may_change: bool, shown: int | None
) -> dict[str, Any]:
    """What the customer's panel needs, and what waits around the thread."""
    there = beside.asides(conversation)
    return {
        "identities": ADDRESS.asked(ADDRESSES, {"conversation": conversation.pk}),
        "held": beside.held_sends(conversation, agent) if there.held else (),
        "offers": offer_cards.cards_in(conversation, agent) if there.offered else (),
        "promises": promise_cards.cards_in(conversation, agent, Reader.here(), shown=shown)
        if there.promised
        else (),
        "hidden": beside.hidden_tickets(conversation, agent) if there.restricted else (),
        "joins": merges.undoable(conversation) if there.joined else (),
        "may_change": may_change,
    }


def tickets_of(conversation: Conversation, agent: Agent) -> Sequence[Ticket]:
    """The tickets an agent may read: unresolved ones first, then the latest."""
    return beside.matters(conversation, agent, most=MOST_TICKETS)


def asked_page(request: AgentRequest, conversation: Conversation) -> Page:
    asked = request.GET
    before, after = (lists.checked_cursor(asked.get(name, "")) for name in ("before", "after"))
    if asked.get("entry"):
        pk = asked["entry"]
        if not pk.isdecimal() or len(pk) > 18:
            raise Http404
        entry = entry_for(request.user, int(pk))
        if entry.conversation_id != conversation.pk:
            raise Http404
        return timeline.around(conversation, request.user, entry)
    return timeline.page(
        conversation, request.user, before=before, after=after, first="first" in asked
    )


def _chosen(
    conversation: Conversation, tickets: Sequence[Ticket], agent: Agent, wanted: str
) -> Ticket | None:
    """The ticket of the address, also an old one that the panel leaves out; else one's own open
    one."""
    listed = next((row for row in tickets if str(row.pk) == wanted), None)
    if listed is None and wanted.isdecimal() and len(wanted) < 19:
        listed = beside.matter(conversation, agent, int(wanted))
    own = (row for row in tickets if row.agent_id == agent.pk and not row.is_resolved)
    return listed or next(own, None) or (tickets[0] if tickets else None)


def may_change(tickets: Sequence[Ticket], agent: Agent, teams: Collection[int]) -> bool:
    """Whether an agent, who acts in these teams, may act on the customer: on one of their tickets,
    or as there is none."""
    return not tickets or may_act_on_any(agent, tickets, teams)
