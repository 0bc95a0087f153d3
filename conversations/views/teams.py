"""The teams pages."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import teams, workload
from conversations.errors import BadInput
from conversations.models import Inbox, Shift, Team
from conversations.views.access import AgentRequest, for_admins
from conversations.views.people_forms import TeamForm, WeightsForm


@require_GET
@for_admins
def every_team(request: AgentRequest) -> HttpResponse:
    return render(request, "settings/teams.html", {"teams": teams.every_team()})


@require_http_methods(["GET", "POST"])
@for_admins
def new_team(request: AgentRequest) -> HttpResponse:
    return _edit(request, Team())


@require_http_methods(["GET", "POST"])
@for_admins
def team(request: AgentRequest, pk: int) -> HttpResponse:
    return _edit(request, teams.team_of(pk, by=request.user))


@require_POST
@for_admins
def remove(request: AgentRequest, pk: int) -> HttpResponse:
    gone = teams.team_of(pk, by=request.user)
    name = str(gone)
    try:
        teams.remove(gone, by=request.user)
    except BadInput as error:
        context = {**_shown(gone), "form": TeamForm(team=gone), "problem": error.message}
        return render(request, "settings/team.html", context, status=422)
    messages.success(request, _("The team %(name)s was removed.") % {"name": name})
    return redirect("settings:teams")


@require_http_methods(["GET", "POST"])
@for_admins
def weights(request: AgentRequest) -> HttpResponse:
    """What a conversation takes of an agent's capacity on each channel that is connected."""
    kinds = list(Inbox.objects.order_by("kind").values_list("kind", flat=True).distinct())
    form = WeightsForm(request.POST or None, weights=workload.weights(kinds))
    if form.is_valid():
        workload.set_weights(form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("settings:weights")
    status = 422 if form.errors else 200
    return render(request, "settings/weights.html", {"form": form}, status=status)


def _edit(request: AgentRequest, edited: Team) -> HttpResponse:
    form = TeamForm(request.POST or None, team=edited)
    if form.is_valid():
        try:
            teams.save_team(edited, **form.values(), by=request.user)
        except BadInput as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("Saved."))
            return redirect("settings:teams")
    context = {**_shown(edited), "form": form}
    return render(request, "settings/team.html", context, status=422 if form.errors else 200)


def _shown(team: Team) -> dict[str, Any]:
    kept = Shift.objects.kept().filter(team=team.pk).prefetch_related("workers__agent")
    return {"team": team, "shifts": [(one, _days(one)) for one in kept] if team.pk else []}


def _days(shift: Shift) -> str:
    """ "Every day", or the days by their short names."""
    if len(shift.weekdays) == len(WEEKDAYS_ABBR):
        return _("Every day")
    return ", ".join(str(WEEKDAYS_ABBR[day]) for day in shift.weekdays)
