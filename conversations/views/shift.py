"""The shift change: handing over all one has, and taking over what is handed to one's shift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from conversations import shift_board, signing_off
from conversations.models import Membership, Offer, SignOff, Ticket
from conversations.shift_board import Refused
from conversations.views import shift_cards
from conversations.views.access import for_agents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpResponse

    from conversations.packets import Packet
    from conversations.views.access import AgentRequest

MOST_COUNTED = 99
MOST_SENT = 2 * shift_board.MOST


@never_cache
@require_GET
@for_agents
def board(request: AgentRequest) -> HttpResponse:
    return render(request, "shift/board.html", shift_cards.page(request))


@never_cache
@require_GET
@for_agents
def waiting(request: AgentRequest) -> HttpResponse:
    """How many conversations an agent whose shift ends has still to offer, and how many colleagues
    ask this supervisor to sign for theirs; ninety-nine at most."""
    asked = SignOff.objects.for_lead(request.user).asked().values_list("pk")[:MOST_COUNTED]
    count = len(signing_off.held(request.user)) + len(asked)
    return JsonResponse({"count": min(count, MOST_COUNTED)})


@require_POST
@for_agents
def offer(request: AgentRequest) -> HttpResponse:
    """Offer what was chosen, or one (`only`), to the next shift; what does not go is said."""
    one = request.POST.getlist("only")
    tickets = _tickets(request, one or request.POST.getlist("ticket"))
    forms = {row.pk: shift_cards.form_of(row.pk, data=request.POST) for row in tickets}
    written = {
        pk: (form.cleaned_data["epoch"], form.packet())
        for pk, form in forms.items()
        if form.is_valid()
    }
    return _offered(request, tickets, written, forms)


@require_POST
@for_agents
def offer_drafted(request: AgentRequest) -> HttpResponse:
    """Offer all that keeps this agent here, each with the packet that its thread has filled."""
    ends = {one.team.pk: one.ends_at for one in shift_board.standing(request.user)}
    tickets = signing_off.held(request.user)
    packets = shift_board.drafted(tickets, ends)
    written = {one.pk: (one.owner_epoch, packets[one.pk]) for one in tickets}
    return _offered(request, tickets, written, {})


@require_POST
@for_agents
def accept(request: AgentRequest) -> HttpResponse:
    """Accept all that the page showed; what somebody else took meanwhile is said."""
    rows = Offer.objects.visible_to(request.user).with_people()
    found = rows.filter(pk__in=_ids(request.POST.getlist("offer")))
    offers = found.select_related("ticket__conversation__customer").order_by("pk")
    accepted, refused = shift_board.accept_all(offers, by=request.user)
    if accepted:
        said = ngettext("%d conversation is yours.", "%d conversations are yours.", len(accepted))
        messages.success(request, said % len(accepted))
    return _answer(request, refused, {})


def _offered(
    request: AgentRequest,
    tickets: Sequence[Ticket],
    written: dict[int, tuple[int, Packet]],
    forms: shift_cards.Forms,
) -> HttpResponse:
    fine = [one for one in tickets if one.pk in written]
    offered, refused = shift_board.offer_all(fine, written, by=request.user)
    refused += [
        Refused(one, _("A line of this is too long. Say it shorter."))
        for one in tickets
        if one.pk not in written
    ]
    if count := len(offered):
        said = ngettext("%d conversation is offered.", "%d conversations are offered.", count)
        messages.success(request, said % count)
    again = {one.ticket.pk for one in refused}
    return _answer(request, refused, {pk: forms[pk] for pk in again if pk in forms})


def _answer(
    request: AgentRequest, refused: Sequence[Refused], forms: shift_cards.Forms
) -> HttpResponse:
    if not refused:
        return redirect("conversations:shift")
    shown = shift_cards.page(request, forms=forms, refused=refused)
    return render(request, "shift/board.html", shown, status=409)


def _tickets(request: AgentRequest, told: list[str]) -> list[Ticket]:
    """Those of these that the agent may act on, in the order of the page."""
    ids = _ids(told)
    rows = Ticket.objects.visible_to(request.user).filter(pk__in=ids)
    teams = Membership.objects.acting_teams(request.user)
    found = {
        row.pk: row
        for row in rows.select_related("team", "agent", "conversation__customer")
        if row.is_acted_on(request.user, teams)
    }
    return [found[pk] for pk in ids if pk in found]


def _ids(told: list[str]) -> list[int]:
    fine = (one for one in told[:MOST_SENT] if one.isascii() and one.isdecimal() and len(one) < 19)
    return list(dict.fromkeys(map(int, fine)))
