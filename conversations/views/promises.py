"""Promising something to a customer, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from conversations import promises
from conversations.errors import BadInput, DomainError
from conversations.forms.promises import PromiseForm, PromiseReasonForm, PromiseTimeForm
from conversations.middleware import status_of
from conversations.permissions import entry_for, promise_for, ticket_for
from conversations.templatetags.desk import soon
from conversations.views import lists, promise_cards
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket, back, checked, done

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.models import Entry, Promise, Ticket
    from conversations.views.access import AgentRequest


@require_http_methods(["GET", "POST"])
@for_agents
def promise(request: AgentRequest, pk: int) -> HttpResponse:
    """What we will do for the customer, and by when; `?entry=` is the message that says so."""
    ticket = ticket_for(request.user, pk, to="act")
    entry = _said_in(request, ticket)
    form = PromiseForm(request.POST or None, initial=_filled(entry) if entry else {})
    problem: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = promises.promise(ticket, by=request.user, entry=entry, **form.asked())
            said = _("Promised for %(due)s.") % {"due": soon(made.due_at)}
            return done(request, at_ticket(ticket), said)
        except DomainError as refusal:
            problem = refusal
    status = status_of(problem) if problem else 422 if form.errors else 200
    pane = lists.pane_beside(request, chosen=ticket)
    shown = {"ticket": ticket, "entry": entry, "form": form, "problem": problem, "pane": pane}
    return render(request, "promises/promise.html", shown, status=status)


@require_POST
@for_agents
def suggested(request: AgentRequest, pk: int) -> HttpResponse:
    """What a message seems to promise: kept as a promise, or not (no `due`)."""
    entry = entry_for(request.user, pk, to="act")
    assert entry.ticket is not None
    due = request.POST.get("due", "")
    if not due:
        promises.dismiss(entry, by=request.user)
        return done(request, at_ticket(entry.ticket))
    found = [one for one in promise_cards.suggestions(entry) if one.due.isoformat() == due]
    if not found:
        raise BadInput(_("Load the page again, or mark the promise by the message’s menu."))
    text = promise_cards.shortened(found[0].sentence)
    made = promises.promise(
        entry.ticket, by=request.user, text=text, due_at=found[0].due, entry=entry
    )
    said = _("Promised for %(due)s.") % {"due": soon(made.due_at)}
    return done(request, at_ticket(entry.ticket), said)


@require_POST
@for_agents
def keep(request: AgentRequest, pk: int) -> HttpResponse:
    found = promise_for(request.user, pk, to="act")
    kept = promises.keep(found, by=request.user)
    said = _("Done, but late: it counts as broken.") if kept.late else _("Promise kept.")
    return _settled(request, found, said)


@require_POST
@for_agents
def broken(request: AgentRequest, pk: int) -> HttpResponse:
    found = promise_for(request.user, pk, to="act")
    promises.give_up(found, by=request.user)
    return _settled(request, found, _("Written down as broken."))


@require_POST
@for_agents
def withdraw(request: AgentRequest, pk: int) -> HttpResponse:
    found = promise_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(PromiseReasonForm(request.POST))
    promises.withdraw(found, by=request.user, reason=told["reason"])
    return _settled(request, found, _("No longer needed."))


@require_POST
@for_agents
def reschedule(request: AgentRequest, pk: int) -> HttpResponse:
    found = promise_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(PromiseTimeForm(request.POST))
    promises.reschedule(found, by=request.user, due_at=told["due"])
    return _settled(request, found, _("Promised for %(due)s.") % {"due": soon(told["due"])})


def _settled(request: AgentRequest, found: Promise, said: str) -> HttpResponse:
    return done(request, back(request, at_ticket(found.ticket)), said)


def _said_in(request: AgentRequest, ticket: Ticket) -> Entry | None:
    """The entry the address names, when it is one of this ticket. Raises Http404."""
    text = request.GET.get("entry", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise Http404
    entry = entry_for(request.user, int(text))
    if entry.ticket_id != ticket.pk:
        raise Http404
    return entry


def _filled(entry: Entry) -> dict[str, Any]:
    """What the entry says by itself."""
    ours = [] if entry.is_inbound else promise_cards.suggestions(entry)
    coming = [one for one in ours if one.due > timezone.now()]
    if not coming:
        return {}
    return {"text": promise_cards.shortened(coming[0].sentence), "due": coming[0].due}
