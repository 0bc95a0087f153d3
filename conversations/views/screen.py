"""All that the page of a conversation shows, read in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Case, IntegerField, Value, When
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations import merges, timeline
from conversations.models import Membership, Status, Team, Ticket
from conversations.permissions import entry_for
from conversations.views import cards, feed, lists
from conversations.views.composing import composer, message_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Agent, Conversation
    from conversations.models.tickets import TicketQuerySet
    from conversations.timeline import Page
    from conversations.views.access import AgentRequest
    from conversations.views.composing import Composer

MOST_TICKETS = 30


@dataclass(frozen=True)
class Nap:
    """A snooze that can be chosen by one click."""

    label: str
    until: datetime


def screen(
    request: AgentRequest,
    conversation: Conversation,
    *,
    ticket: Ticket | None = None,
    writing: Composer | None = None,
) -> dict[str, Any]:
    """`writing` is a composer to show again with what was typed, instead of a fresh one."""
    agent = request.user
    tickets = tickets_of(conversation, agent)
    wanted = ticket.pk if ticket else request.GET.get("ticket", "")
    chosen = _chosen(conversation, tickets, agent, str(wanted))
    page = (
        asked_page(request, conversation) if writing is None else timeline.page(conversation, agent)
    )
    may_act = chosen is not None and chosen.may_act(agent)
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
            feed.folded(feed.rows_of(page.entries)),
            agent,
            conversation.customer,
            target=request.GET.get("entry", ""),
        ),
        "from_top": "first" in request.GET or "after" in request.GET,
        "tickets": tickets,
        "ticket": chosen,
        "composer": writing,
        "pane": lists.pane(agent, *lists.came_from(request), chosen=chosen),
        **strip(chosen, agent, may_act=may_act),
        **side(conversation, agent, tickets),
    }


def strip(ticket: Ticket | None, agent: Agent, *, may_act: bool) -> dict[str, Any]:
    """What the header of a ticket needs."""
    if ticket is None:
        return {"may_act": False}
    return {
        "may_act": may_act,
        "naps": naps(),
        "owners": owners() if may_act else [],
        "match": _match(ticket, agent),
    }


def side(conversation: Conversation, agent: Agent, tickets: Sequence[Ticket]) -> dict[str, Any]:
    """What the customer's panel needs."""
    return {
        "identities": list(conversation.identities.order_by("kind", "pk")),
        "held": timeline.held_sends(conversation, agent),
        "hidden": timeline.hidden_tickets(conversation, agent),
        "joins": merges.undoable(conversation),
        "may_change": may_change(tickets, agent),
    }


def tickets_of(conversation: Conversation, agent: Agent) -> Sequence[Ticket]:
    """The tickets an agent may read: unresolved ones first, then the latest."""
    last = Case(
        When(status=Status.RESOLVED, then=Value(1)), default=Value(0), output_field=IntegerField()
    )
    rows = _readable(conversation, agent).order_by(last, "-active_at", "-id")
    return [_of(conversation, row) for row in rows[:MOST_TICKETS]]


def _readable(conversation: Conversation, agent: Agent) -> TicketQuerySet:
    rows = Ticket.objects.visible_to(agent).filter(conversation=conversation)
    own = [field.attname for field in Ticket._meta.concrete_fields]
    holders = ("team__name", "agent__name", "agent__email", "bot__name", "inbox__kind")
    return rows.select_related("team", "agent", "bot", "inbox").only(*own, *holders)


def _of(conversation: Conversation, ticket: Ticket) -> Ticket:
    """The ticket with the conversation that is read already."""
    ticket.conversation = conversation
    return ticket


def owners() -> Sequence[Team]:
    """Teams with who acts in them, as `acting`."""
    teams = {team.pk: team for team in Team.objects.all()}
    rows = Membership.objects.filter(active=True).select_related("agent").order_by("agent__name")
    for team in teams.values():
        team.acting = []  # type: ignore[attr-defined]
    for row in rows:
        teams[row.team_id].acting.append(row.agent)  # type: ignore[attr-defined]
    return list(teams.values())


def naps() -> list[Nap]:
    """Snoozes of an ordinary day, at the agent's clock."""
    now = timezone.localtime()
    tomorrow = _at(now + timedelta(days=1), 9)
    monday = _at(now + timedelta(days=(7 - now.weekday()) % 7 or 7), 9)
    found = [Nap(_("In an hour"), now + timedelta(hours=1))]
    if now.hour < 16:
        found.append(Nap(_("This evening"), _at(now, 18)))
    found.append(Nap(_("Tomorrow morning"), tomorrow))
    if monday != tomorrow:
        found.append(Nap(_("Monday morning"), monday))
    found.append(Nap(_("In a week"), _at(now + timedelta(days=7), 9)))
    return found


def _at(day: datetime, hour: int) -> datetime:
    naive = datetime.combine(day.date(), time(hour))
    return timezone.make_aware(naive, timezone.get_current_timezone())


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
        row = _readable(conversation, agent).filter(pk=int(wanted)).first()
        listed = _of(conversation, row) if row else None
    own = (row for row in tickets if row.agent_id == agent.pk and not row.is_resolved)
    return listed or next(own, None) or (tickets[0] if tickets else None)


def _match(ticket: Ticket, agent: Agent) -> Ticket | None:
    """The ticket this one may belong to, if the agent may see it and it is still elsewhere."""
    if ticket.suggests_id is None:
        return None
    found = (
        Ticket.objects.visible_to(agent)
        .select_related("conversation__customer")
        .filter(pk=ticket.suggests_id)
        .first()
    )
    return found if found and found.conversation_id != ticket.conversation_id else None


def may_change(tickets: Sequence[Ticket], agent: Agent) -> bool:
    """Whether an agent may act on the customer: on one of their tickets, or as there is none."""
    if not tickets:
        return True
    teams = set(Membership.objects.acting(agent).values_list("team", flat=True))
    return any(
        ticket.team_id in teams or (agent.is_supervisor and not ticket.restriction)
        for ticket in tickets
    )
