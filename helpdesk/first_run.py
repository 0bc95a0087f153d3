"""The first page of an empty desk: it creates the admin, once."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import login, password_validation
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from conversations.models import Agent, Membership, Role, Team
from helpdesk.entrance import is_this_machine


class AdminForm(forms.Form):
    """Who the admin is, and the team that gets the first conversations."""

    name = forms.CharField(label=gettext_lazy("Your name"), max_length=150)
    email = forms.EmailField(label=gettext_lazy("Email you sign in with"))
    password = forms.CharField(
        label=gettext_lazy("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 8 characters, not a common word."),
    )
    team = forms.CharField(label=gettext_lazy("First team"), max_length=100)

    def clean(self) -> dict[str, Any]:
        """Hold the password against the rules, knowing who it is for."""
        values = self.cleaned_data
        agent = Agent(name=values.get("name", ""), email=values.get("email", ""))
        try:
            password_validation.validate_password(values.get("password", ""), agent)
        except forms.ValidationError as error:
            self.add_error("password", error)
        return values


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest, token: str = "") -> HttpResponse:
    """Create the admin and sign them in. Gone (404) once anybody exists.

    Open to a browser on the machine of a private copy; elsewhere only by the link with SETUP_TOKEN.
    """
    if Agent.objects.exists():
        raise Http404
    if not may_set_up(request, token):
        return render(request, "helpdesk/locked.html", status=403)
    form = AdminForm(request.POST or None, initial={"team": gettext("Support")})
    if not form.is_valid():
        return render(request, "helpdesk/welcome.html", {"form": form})
    admin = create_admin(form.cleaned_data)
    login(request, admin, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("inboxes:new")


def may_set_up(request: HttpRequest, token: str) -> bool:
    """Whether this visitor may claim the empty desk."""
    known = settings.SETUP_TOKEN and constant_time_compare(token, settings.SETUP_TOKEN)
    return bool(known) or is_this_machine(request)


@transaction.atomic
def create_admin(values: dict[str, Any]) -> Agent:
    """Create the admin and their team; `Http404` for whoever comes second."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('helpdesk.first_run'))")
    if Agent.objects.exists():
        raise Http404
    admin = Agent.objects.create_user(
        values["email"], values["password"], name=values["name"], role=Role.ADMIN
    )
    team = Team.objects.create(name=values["team"], is_last_stop=True)
    Membership.objects.create(team=team, agent=admin)
    return admin
