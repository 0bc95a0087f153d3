"""The shifts of a team, as admins keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from conversations import shifts, teams
from conversations.errors import BadInput
from conversations.models import Shift
from conversations.views.access import for_admins
from conversations.views.people_forms import ShiftForm

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.views.access import AgentRequest


@require_http_methods(["GET", "POST"])
@for_admins
def new_shift(request: AgentRequest, pk: int) -> HttpResponse:
    return _edit(request, Shift(team=teams.team_of(pk, by=request.user)))


@require_http_methods(["GET", "POST"])
@for_admins
def shift(request: AgentRequest, pk: int) -> HttpResponse:
    return _edit(request, _shift(pk))


@require_POST
@for_admins
def remove(request: AgentRequest, pk: int) -> HttpResponse:
    gone = _shift(pk)
    shifts.remove_shift(gone, by=request.user)
    messages.success(request, _("The shift %(name)s was removed.") % {"name": gone})
    return redirect("settings:team", gone.team_id)


def _shift(pk: int) -> Shift:
    found = Shift.objects.kept().select_related("team").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _edit(request: AgentRequest, edited: Shift) -> HttpResponse:
    form = ShiftForm(request.POST or None, shift=edited)
    if form.is_valid():
        try:
            shifts.save_shift(edited, **form.cleaned_data, by=request.user)
        except BadInput as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("Saved."))
            return redirect("settings:team", edited.team_id)
    context = {"shift": edited, "form": form}
    return render(request, "settings/shift.html", context, status=422 if form.errors else 200)
