"""Joining two customers who are one person, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import alike, merges
from conversations import search as finding
from conversations.errors import BadInput, NotAllowed
from conversations.forms.customers import JoinForm, SearchForm
from conversations.models import Conversation, Merge
from conversations.permissions import conversation_for
from conversations.views.access import for_agents
from conversations.views.answers import at_conversation, done, is_scripted
from conversations.views.screen import tickets_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.alike import Alike, Evidence
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


class Reason(NamedTuple):
    words: str
    entry: int | None


class Person(NamedTuple):
    """Who may be the same; `join` is the page that compares both."""

    conversation: Conversation
    reasons: tuple[Reason, ...]
    join: str


@require_GET
@for_agents
def others(request: AgentRequest, pk: int) -> HttpResponse:
    """Who may be the same person, and why."""
    found = conversation_for(request.user, pk, to="act")
    return _people(request, found)


@require_POST
@for_agents
def not_same(request: AgentRequest, pk: int, other: int) -> HttpResponse:
    """They are two people."""
    found = conversation_for(request.user, pk, to="act")
    alike.not_same(found, conversation_for(request.user, other, to="act"), by=request.user)
    if is_scripted(request):
        return _people(request, found)
    return done(request, at_conversation(found.pk), _("They are not proposed again."))


def _people(request: AgentRequest, found: Conversation) -> HttpResponse:
    rows = alike.alike(found, request.user)
    people = [_person(found, one) for one in rows if _may_join(request.user, one.conversation)]
    template = "_partials/alike.html" if is_scripted(request) else "conversations/alike.html"
    return render(request, template, {"conversation": found, "people": people})


def _may_join(agent: Agent, other: Conversation) -> bool:
    try:
        conversation_for(agent, other.pk, to="act")
    except (Http404, NotAllowed):
        return False
    return True


def _person(found: Conversation, one: Alike) -> Person:
    reasons = tuple(Reason(_words(evidence), evidence.entry) for evidence in one.evidence)
    told = urlencode({"with": one.conversation.pk, "reason": _told(reasons)})
    return Person(
        one.conversation, reasons, f"{reverse('conversations:join', args=[found.pk])}?{told}"
    )


def _told(reasons: Sequence[Reason]) -> str:
    return ", ".join(reason.words for reason in reasons)


def _words(evidence: Evidence) -> str:
    if evidence.entry is None:
        return _("both have %(address)s") % {"address": evidence.value}
    return _("wrote %(address)s in a message") % {"address": evidence.value}


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
