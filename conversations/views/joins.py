"""Joining two customers who are one person, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from conversations import merges
from conversations import search as finding
from conversations.errors import BadInput
from conversations.forms.customers import JoinForm, SearchForm
from conversations.models import Conversation, Merge
from conversations.permissions import conversation_for
from conversations.views.access import for_agents
from conversations.views.answers import at_conversation, done
from conversations.views.screen import tickets_of

if TYPE_CHECKING:
    from conversations.models import Agent
    from conversations.views.access import AgentRequest


@require_http_methods(["GET", "POST"])
@for_agents
def join(request: AgentRequest, pk: int) -> HttpResponse:
    """Find the other one, compare both, say why, join."""
    found = conversation_for(request.user, pk, to="act")
    form = JoinForm(request.POST or None, initial={"reason": request.GET.get("reason", "")[:300]})
    if request.method == "POST" and form.is_valid():
        other = conversation_for(request.user, form.cleaned_data["into"], to="act")
        try:
            row = merges.merge(found, other, by=request.user, reason=form.cleaned_data["reason"])
            return done(
                request, at_conversation(row.into_id), _("Joined. You can undo this any time.")
            )
        except BadInput as error:
            form.add_error(None, str(error.message))
    return _shown(request, found, form)


@require_POST
@for_agents
def undo(request: AgentRequest, pk: int) -> HttpResponse:
    """Both come back as they were."""
    row = Merge.objects.select_related("into").filter(pk=pk).first()
    if row is None:
        raise Http404
    found = conversation_for(request.user, row.into_id, to="act")
    merges.undo(row, by=request.user)
    return done(request, at_conversation(found.pk), _("Taken apart again."))


def _shown(request: AgentRequest, found: Conversation, form: JoinForm) -> HttpResponse:
    asked = request.GET
    chosen = request.POST.get("into") or asked.get("with", "")
    other = _other(request.user, found, str(chosen))
    context = {
        "conversation": found,
        "query": str(asked.get("q", ""))[:200],
        "found": [] if other else _candidates(request.user, found, str(asked.get("q", ""))),
        "sides": [_side(request.user, one) for one in (found, other)] if other else [],
        "other": other,
        "form": form,
    }
    return render(request, "conversations/join.html", context, status=422 if form.errors else 200)


def _other(agent: Agent, found: Conversation, text: str) -> Conversation | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise Http404
    other = conversation_for(agent, int(text), to="act")
    return None if other.pk == found.pk else other


def _candidates(agent: Agent, found: Conversation, text: str) -> list[dict[str, Any]]:
    form = SearchForm({"q": text})
    if not form.is_valid() or not text.strip():
        return []
    rows = finding.search(agent, form.cleaned_data["q"]).customers
    return [
        _side(agent, customer.conversation)
        for customer in rows
        if customer.conversation.pk != found.pk
    ]


def _side(agent: Agent, conversation: Conversation) -> dict[str, Any]:
    """What one needs to tell whether two are the same person."""
    return {
        "conversation": conversation,
        "customer": conversation.customer,
        "identities": list(conversation.identities.order_by("kind", "pk")),
        "tickets": tickets_of(conversation, agent)[:8],
    }
