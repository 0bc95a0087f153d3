"""What an agent does with one matter: take it, hand it on, let it wait, finish it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from conversations import beside, bots, ownership, tickets
from conversations.errors import BadInput, PromisesOpen
from conversations.forms.handing_over import AssignForm, EpochForm, LendForm
from conversations.forms.tickets import ResolveForm, SnoozeForm, SubjectForm
from conversations.moments import Reader
from conversations.permissions import ticket_for
from conversations.templatetags.desk import soon
from conversations.views import promise_cards
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket, checked, done, is_scripted

if TYPE_CHECKING:
    from conversations.models import Ticket
    from conversations.views.access import AgentRequest


@require_POST
@for_agents
def take(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk, to="act")
    told = _epoch(request)
    ownership.take(ticket, by=request.user, epoch=told)
    return done(request, at_ticket(ticket), _("This is yours now."))


@require_POST
@for_agents
def release(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk, to="act")
    ownership.release(ticket, by=request.user, epoch=_epoch(request))
    return done(request, at_ticket(ticket), _("Given back to %(team)s.") % {"team": ticket.team})


@require_POST
@for_agents
def assign(request: AgentRequest, pk: int) -> HttpResponse:
    """Give it to somebody of its team, or to another team."""
    ticket = ticket_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(AssignForm(request.POST))
    (team, agent), epoch = told["to"], told["epoch"]
    if team.pk != ticket.team_id:
        ownership.move_to_team(ticket, team=team, agent=agent, by=request.user, epoch=epoch)
    elif agent:
        ownership.assign(ticket, to=agent, by=request.user, epoch=epoch)
    else:
        ownership.release(ticket, by=request.user, epoch=epoch)
    return done(request, at_ticket(ticket), _("Given to %(owner)s.") % {"owner": agent or team})


@require_POST
@for_agents
def lend(request: AgentRequest, pk: int) -> HttpResponse:
    """Hand it to an assistant until it has found something out."""
    ticket = ticket_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(LendForm(request.POST))
    bot = next((bot for bot in bots.lenders_of(ticket) if bot.pk == told["bot"]), None)
    if bot is None:
        raise BadInput(_("This assistant doesn't work here."))
    goal, turns = told["goal"], told["turns"]
    bots.lend(ticket, to=bot, by=request.user, epoch=told["epoch"], goal=goal, most_turns=turns)
    return done(request, at_ticket(ticket), _("%(name)s asks them.") % {"name": bot})


@require_POST
@for_agents
def snooze(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(SnoozeForm(request.POST))
    tickets.snooze(ticket, until=told["until"], by=request.user)
    said = _("Snoozed until %(until)s, or until they write.") % {"until": soon(told["until"])}
    return done(request, at_ticket(ticket), said)


@require_POST
@for_agents
def pending(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk, to="act")
    tickets.set_pending(ticket, by=request.user)
    return done(request, at_ticket(ticket), _("Waiting for the customer."))


@require_http_methods(["GET", "POST"])
@for_agents
def resolve(request: AgentRequest, pk: int) -> HttpResponse:
    """Where something is still promised, a page asks first what becomes of it."""
    ticket = ticket_for(request.user, pk, to="act")
    if request.method == "GET":
        return _ask(request, ticket, status=200)
    told: dict[str, Any] = checked(ResolveForm(request.POST))
    try:
        tickets.resolve(ticket, by=request.user, promises=told["promises"])
    except PromisesOpen:
        if is_scripted(request):
            asks = reverse("conversations:resolve", args=[pk])
            return HttpResponse(status=204, headers={"HX-Redirect": asks})
        return _ask(request, ticket, status=409)
    return done(request, at_ticket(ticket), _("Resolved."))


def _ask(request: AgentRequest, ticket: Ticket, *, status: int) -> HttpResponse:
    rows = beside.promises(ticket.conversation, request.user)
    own = [row for row in rows if row.ticket_id == ticket.pk]
    cards = promise_cards.cards_of(own, request.user, Reader.here(), shown=ticket.pk)
    shown = {"ticket": ticket, "cards": cards}
    return render(request, "promises/resolve.html", shown, status=status)


@require_POST
@for_agents
def reopen(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk, to="act")
    tickets.reopen(ticket, by=request.user)
    return done(request, at_ticket(ticket), _("Open again."))


@require_POST
@for_agents
def rename(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(SubjectForm(request.POST))
    tickets.rename(ticket, subject=told["subject"], by=request.user)
    return done(request, at_ticket(ticket))


@require_POST
@for_agents
def dismiss(request: AgentRequest, pk: int) -> HttpResponse:
    """The possible match is somebody else."""
    ticket = ticket_for(request.user, pk, to="act")
    tickets.dismiss_suggestion(ticket, by=request.user)
    return done(request, at_ticket(ticket))


def _epoch(request: AgentRequest) -> int:
    told: dict[str, Any] = checked(EpochForm(request.POST))
    epoch: int = told["epoch"]
    return epoch
