"""Handing one matter over: making an offer, and answering it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from conversations import handoffs
from conversations.errors import DomainError
from conversations.forms.handing_over import AcceptForm, DeclineForm
from conversations.middleware import status_of
from conversations.permissions import offer_for, ticket_for
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket, back, checked, done
from conversations.views.offer_form import asked, offer_form, page

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.views.access import AgentRequest


@require_http_methods(["GET", "POST"])
@for_agents
def offer(request: AgentRequest, pk: int) -> HttpResponse:
    """Offer it to a team or to somebody of it, with a packet that the thread has filled."""
    ticket = ticket_for(request.user, pk, to="act")
    form = offer_form(request, ticket)
    problem: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = handoffs.offer(ticket, by=request.user, **asked(form, request.user))
            said = _("Offered to %(name)s.") % {"name": made.to_name}
            return done(request, at_ticket(ticket), said)
        except DomainError as refusal:
            problem = refusal
    status = status_of(problem) if problem else 422 if form.errors else 200
    shown = page(request, ticket, form, problem)
    return render(request, "offers/offer.html", shown, status=status)


@require_POST
@for_agents
def accept(request: AgentRequest, pk: int) -> HttpResponse:
    """The page is loaded anew afterwards: the sender's drafts are in the composer then."""
    found = offer_for(request.user, pk, to="answer")
    told: dict[str, Any] = checked(AcceptForm(request.POST))
    restatement = None if told["skip"] else told["restatement"]
    handoffs.accept(found, by=request.user, seen_head=told["seen"], restatement=restatement)
    return redirect(back(request, at_ticket(found.ticket)))


@require_POST
@for_agents
def decline(request: AgentRequest, pk: int) -> HttpResponse:
    found = offer_for(request.user, pk, to="answer")
    told: dict[str, Any] = checked(DeclineForm(request.POST))
    handoffs.decline(found, by=request.user, reason=told["reason"])
    home = back(request, at_ticket(found.ticket))
    return done(request, home, _("Declined. Who offered it is told why."))


@require_POST
@for_agents
def recall(request: AgentRequest, pk: int) -> HttpResponse:
    found = offer_for(request.user, pk, to="recall")
    handoffs.recall(found, by=request.user)
    return done(request, back(request, at_ticket(found.ticket)), _("The offer is taken back."))
