"""Signing off at the end of a shift, and supervisors who sign for what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import signing_off
from conversations.forms.handing_over import SignForm
from conversations.models import Leaving, SignOff, Ticket
from conversations.permissions import sign_off_for
from conversations.views import lists
from conversations.views.access import for_agents
from conversations.views.answers import checked, done

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpResponse

    from conversations.models import Agent
    from conversations.views.access import AgentRequest

PAGE = 50


class Line(NamedTuple):
    """A sign-off as the page shows it: what is left by name, but for what only a team may read."""

    of: SignOff
    names: tuple[str, ...]


@never_cache
@require_http_methods(["GET", "POST"])
@for_agents
def sign_off(request: AgentRequest) -> HttpResponse:
    """What keeps an agent here, and the ways to go: offer it, or have a supervisor sign for it."""
    if request.method == "POST":
        signing_off.ask(request.user)
        return redirect("conversations:sign-off")
    leaving = Leaving.objects.open().filter(agent=request.user).order_by("ends_at")
    asked = SignOff.objects.filter(leaving__in=leaving).select_related("signed_by")
    shown = {
        "left": signing_off.held(request.user),
        "leaving": leaving.first(),
        "asked": asked.order_by("asked_at").last(),
        "pane": lists.pane_beside(request, chosen=None),
    }
    return render(request, "shift/sign_off.html", shown)


@never_cache
@require_GET
@for_agents
def sign_offs(request: AgentRequest) -> HttpResponse:
    """Who asks to go with what is left, and who went; for who is no supervisor there is nothing."""
    before = request.GET.get("before", "")
    if before and not (before.isascii() and before.isdecimal() and len(before) < 19):
        raise Http404
    every = SignOff.objects.for_lead(request.user).select_related(
        "agent", "signed_by", "leaving__team", "leaving__shift"
    )
    rows = every.filter(signed_at__isnull=False).order_by("-pk")
    signed = list((rows.filter(pk__lt=int(before)) if before else rows)[: PAGE + 1])
    asked = [] if before else list(every.asked().order_by("asked_at")[:PAGE])
    shown = {
        "asked": _lines(asked, request.user),
        "signed": _lines(signed[:PAGE], request.user),
        "next": signed[PAGE - 1].pk if len(signed) > PAGE else None,
        "pane": lists.pane_beside(request, chosen=None),
    }
    return render(request, "shift/sign_offs.html", shown)


@require_POST
@for_agents
def sign(request: AgentRequest, pk: int) -> HttpResponse:
    asked = sign_off_for(request.user, pk)
    told: dict[str, Any] = checked(SignForm(request.POST))
    signed = signing_off.sign(asked, by=request.user, reason=told["reason"])
    said = _("%(name)s may go.") % {"name": signed.agent}
    return done(request, reverse("conversations:sign-offs"), said)


def _lines(rows: Iterable[SignOff], agent: Agent) -> list[Line]:
    """A supervisor signs for agents of every team, and reads no more of it than elsewhere."""
    found = list(rows)
    named = {told["ticket"] for row in found for told in row.tickets}
    seen = set(Ticket.objects.visible_to(agent).filter(pk__in=named).values_list("pk", flat=True))
    return [
        Line(
            row,
            tuple(
                told["name"] or "…" if told["ticket"] in seen else _("Restricted")
                for told in row.tickets
            ),
        )
        for row in found
    ]
