"""The people page: who works here, and the links that let them in."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import invitations, people, second_factor, workload
from conversations.errors import BadInput
from conversations.models import Agent
from conversations.views.access import AgentRequest, for_admins
from conversations.views.people_forms import InviteForm, PersonForm


@require_GET
@for_admins
def everybody(request: AgentRequest) -> HttpResponse:
    return _people_page(request, InviteForm())


@never_cache
@require_http_methods(["GET", "POST"])
@for_admins
def invite(request: AgentRequest) -> HttpResponse:
    """The link is in this answer and nowhere else: whoever asks for its address again is led on."""
    if request.method == "GET":
        return redirect("settings:people")
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            token = invitations.invite(**form.cleaned_data, by=request.user)
        except BadInput as error:
            form.add_error("email", str(error.message))
        else:
            return _people_page(
                request, InviteForm(), link=_address(token), link_for=form.cleaned_data["email"]
            )
    return _people_page(request, form, status=422)


@require_POST
@for_admins
def withdraw_invitation(request: AgentRequest, pk: int) -> HttpResponse:
    invitations.withdraw(pk, by=request.user)
    messages.success(request, _("The invitation was taken back."))
    return redirect("settings:people")


@require_http_methods(["GET", "POST"])
@for_admins
def person(request: AgentRequest, pk: int) -> HttpResponse:
    agent = people.person(pk, by=request.user)
    form = PersonForm(request.POST or None, initial=_current(agent))
    if form.is_valid():
        try:
            people.change_role(agent, role=form.cleaned_data["role"], by=request.user)
            if form.cleaned_data["capacity"] is not None:
                workload.set_capacity(agent, units=form.cleaned_data["capacity"])
            people.put_in_teams(agent, teams=form.cleaned_data["teams"], by=request.user)
        except BadInput as error:
            form.add_error("role", str(error.message))
        else:
            messages.success(request, _("Saved."))
            return redirect("settings:people")
    return _person_page(request, agent, form, status=422 if form.errors else 200)


@require_POST
@for_admins
def disable(request: AgentRequest, pk: int) -> HttpResponse:
    agent = people.person(pk, by=request.user)
    try:
        people.disable(agent, by=request.user)
    except BadInput as error:
        return _person_page(request, agent, problem=str(error.message), status=422)
    messages.success(
        request,
        _("%(name)s can't sign in any more. What they owned went back to its teams.")
        % {"name": agent},
    )
    return redirect("settings:people")


@require_POST
@for_admins
def enable(request: AgentRequest, pk: int) -> HttpResponse:
    agent = people.person(pk, by=request.user)
    people.enable(agent, by=request.user)
    messages.success(request, _("%(name)s can sign in again.") % {"name": agent})
    return redirect("settings:person", pk)


@never_cache
@require_POST
@for_admins
def offer_reset(request: AgentRequest, pk: int) -> HttpResponse:
    """The link is in this answer and nowhere else."""
    agent = people.person(pk, by=request.user)
    try:
        token = invitations.offer_reset(agent, by=request.user)
    except BadInput as error:
        return _person_page(request, agent, problem=str(error.message), status=422)
    return _person_page(request, agent, link=_address(token))


@require_POST
@for_admins
def remove_second_factor(request: AgentRequest, pk: int) -> HttpResponse:
    agent = people.person(pk, by=request.user)
    second_factor.remove(agent, by=request.user)
    messages.success(request, _("%(name)s signs in with the password alone now.") % {"name": agent})
    return redirect("settings:person", pk)


def _people_page(
    request: AgentRequest, form: InviteForm, *, status: int = 200, **more: str
) -> HttpResponse:
    context = {
        "people": people.everybody(),
        "with_second_factor": second_factor.agents_with_one(),
        "invitations": invitations.open_invitations(),
        "form": form,
        **more,
    }
    return render(request, "settings/people.html", context, status=status)


def _person_page(
    request: AgentRequest,
    agent: Agent,
    form: PersonForm | None = None,
    *,
    status: int = 200,
    **more: str,
) -> HttpResponse:
    context = {
        "person": agent,
        "form": form or PersonForm(initial=_current(agent)),
        "has_second_factor": second_factor.is_on(agent),
        **more,
    }
    return render(request, "settings/person.html", context, status=status)


def _current(agent: Agent) -> dict[str, object]:
    return {
        "role": agent.role,
        "capacity": agent.capacity,
        "teams": list(agent.memberships.values_list("team", flat=True)),
    }


def _address(token: str) -> str:
    return settings.BASE_URL + reverse("join", args=[token])
