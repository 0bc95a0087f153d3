"""Phone calls: noting one, saying what came of it, and those that ring at this moment."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.http import Http404, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from conversations import calls
from conversations.errors import DomainError
from conversations.forms.calls import CallForm, CallSummaryForm
from conversations.middleware import status_of
from conversations.models import Direction, Identity, IdentityKind, Inbox, Kind, Ringing
from conversations.permissions import entry_for, ticket_for
from conversations.thread import database_now
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket, done
from conversations.views.call_cards import ringing_cards

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpResponse

    from conversations.models import Agent, Entry, Ticket
    from conversations.views.access import AgentRequest


@require_http_methods(["GET", "POST"])
@for_agents
def new_call(request: AgentRequest) -> HttpResponse:
    """Note a call: of the customer of `?ticket=`, or of whoever has the number."""
    ticket = _ticket(request)
    inboxes = _telephones(request.user, ticket)
    form = CallForm(
        request.POST or None,
        inboxes=inboxes,
        knows_customer=ticket is not None,
        initial=_first(request, ticket, inboxes),
    )
    problem: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            entry = _noted(request, form, ticket)
            assert entry.ticket is not None
            return redirect(f"{at_ticket(entry.ticket)}&entry={entry.pk}#entry-{entry.pk}")
        except DomainError as refusal:
            problem = refusal
    status = status_of(problem) if problem else 422 if form.errors else 200
    shown = {"form": form, "ticket": ticket, "problem": problem, "ready": inboxes.exists()}
    return render(request, "calls/new.html", shown, status=status)


@require_http_methods(["GET", "POST"])
@for_agents
def sum_up(request: AgentRequest, pk: int) -> HttpResponse:
    """What came of a call that is here already."""
    entry = entry_for(request.user, pk, to="act")
    if entry.kind != Kind.CALL or entry.ticket is None:
        raise Http404
    call: dict[str, Any] = entry.data.get("call", {})
    first = {"outcome": call.get("outcome"), "recording": call.get("recording")}
    form = CallSummaryForm(request.POST or None, initial={**first, "summary": entry.text})
    problem: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            calls.sum_up(entry, by=request.user, **form.told())
            return done(request, f"{at_ticket(entry.ticket)}#entry-{entry.pk}", _("Saved."))
        except DomainError as refusal:
            problem = refusal
    status = status_of(problem) if problem else 422 if form.errors else 200
    shown = {"form": form, "ticket": entry.ticket, "entry": entry, "problem": problem}
    return render(request, "calls/sum_up.html", shown, status=status)


@never_cache
@require_GET
@for_agents
def ringing(request: AgentRequest) -> HttpResponse:
    """The calls that ring for this agent at the moment, as cards; empty where there are none."""
    rows = Ringing.objects.shown_to(request.user, database_now()).select_related(
        "entry__identity", "entry__ticket__conversation__customer", "entry__inbox"
    )
    html = render_to_string("calls/_ringing.html", {"cards": ringing_cards(rows[:5])}, request)
    return JsonResponse({"html": html.strip()})


def _noted(request: AgentRequest, form: CallForm, ticket: Ticket | None) -> Entry:
    token = form.cleaned_data["client_token"]
    return calls.write_down(form.note(), by=request.user, client_token=token, ticket=ticket)


def _ticket(request: AgentRequest) -> Ticket | None:
    text = request.GET.get("ticket", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise Http404
    return ticket_for(request.user, int(text), to="act")


def _telephones(agent: Agent, ticket: Ticket | None) -> QuerySet[Inbox]:
    """Those whose calls may stand beside the messages of this ticket."""
    rows = Inbox.objects.visible_to(agent).of_calls()
    if ticket is None:
        return rows
    if not ticket.restriction:
        return rows.filter(restriction="")
    return rows.filter(pk=ticket.inbox.pk) if ticket.inbox else rows.none()


def _first(
    request: AgentRequest, ticket: Ticket | None, inboxes: QuerySet[Inbox]
) -> dict[str, Any]:
    own = inboxes.filter(team__memberships__agent=request.user, team__memberships__active=True)
    number = request.GET.get("number", "")[:40]
    if ticket is not None:
        phone = Identity.objects.filter(
            conversation=ticket.conversation_id, kind=IdentityKind.PHONE
        ).order_by("-wrote_at", "pk")
        number = phone.values_list("value", flat=True).first() or ""
    wanted = request.GET.get("direction", "")
    return {
        "inbox": own.first() or inboxes.first(),
        "number": number,
        "direction": wanted if wanted == Direction.OUT else Direction.IN,
        "client_token": uuid.uuid4(),
    }
