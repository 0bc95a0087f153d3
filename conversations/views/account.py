"""One's own account, and the doors that links open to those who can't sign in yet."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from conversations import invitations, people, second_factor
from conversations.models import Agent, Invitation, InvitationKind
from conversations.views.access import AgentRequest, for_agents
from conversations.views.people_forms import JoinForm, OwnPageForm, PasswordForm

if TYPE_CHECKING:
    from collections.abc import Callable

BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_http_methods(["GET", "POST"])
@for_agents
def account(request: AgentRequest) -> HttpResponse:
    agent = request.user
    current = {"name": agent.name, "language": agent.language, "theme": agent.theme}
    form = OwnPageForm(request.POST or None, initial=current)
    if form.is_valid():
        people.set_own_page(agent, **form.cleaned_data)
        with translation.override(agent.language or translation.get_language()):
            messages.success(request, _("Saved."))
        return redirect("settings:account")
    context = {"form": form, "has_second_factor": second_factor.is_on(agent)}
    return render(request, "settings/account.html", context, status=422 if form.errors else 200)


def or_gone(
    view: Callable[[HttpRequest, str], HttpResponse],
) -> Callable[[HttpRequest, str], HttpResponse]:
    """One answer for every link that doesn't work, so that nobody learns why."""

    @wraps(view)
    def answered(request: HttpRequest, token: str) -> HttpResponse:
        try:
            return view(request, token)
        except invitations.NoSuchLink:
            return render(request, "account/link_gone.html", status=404)

    return answered


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@or_gone
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever holds the link of an invitation joins; of a reset, chooses a new password."""
    invitation = invitations.find(token)
    if invitation.kind == InvitationKind.RESET:
        return _choose_password(request, token, invitation)
    form = JoinForm(request.POST or None, agent=Agent(email=invitation.email))
    if not form.is_valid():
        context = {"form": form, "email": invitation.email}
        return render(request, "account/join.html", context, status=422 if form.errors else 200)
    agent = invitations.join(token, **form.cleaned_data)
    login(request, agent, backend=BACKEND)
    return redirect(settings.LOGIN_REDIRECT_URL)


def _choose_password(request: HttpRequest, token: str, invitation: Invitation) -> HttpResponse:
    """Signing in comes after, so that a second factor is still asked for."""
    form = PasswordForm(request.POST or None, agent=invitation.agent or Agent())
    if not form.is_valid():
        context = {"form": form, "email": invitation.email}
        return render(
            request, "account/choose_password.html", context, status=422 if form.errors else 200
        )
    invitations.choose_password(token, **form.cleaned_data)
    messages.success(request, _("Your password was changed. Sign in with it."))
    return redirect("account_login")
