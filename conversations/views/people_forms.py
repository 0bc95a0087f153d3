"""What the pages of people, teams and one's own account ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.utils.translation import gettext_lazy as _

from conversations.models import Agent, Role, Team


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        label=_("Role"),
        choices=Role.choices,
        initial=Role.AGENT,
        widget=forms.RadioSelect,
        help_text=_(
            "Agents answer for their teams. Supervisors act for every team and see what could not "
            "be read. Admins also change people, teams and inboxes."
        ),
    )
    teams = forms.ModelMultipleChoiceField(
        label=_("Teams"),
        queryset=Team.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class InviteForm(RoleForm):
    email = forms.EmailField(label=_("Email"), max_length=254)
    field_order = ["email", "role", "teams"]


class PasswordForm(forms.Form):
    """A new password, held against the rules knowing who it is for."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters, not a common word."),
    )

    def __init__(self, *args: Any, agent: Agent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.agent = agent

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        self.agent.name = self.cleaned_data.get("name", self.agent.name)
        password_validation.validate_password(password, self.agent)
        return password


class JoinForm(PasswordForm):
    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text=_("Customers see it on what you write."),
    )
    field_order = ["name", "password"]


class TeamForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100)
    respond_hours = forms.DecimalField(
        label=_("Answer within (hours)"),
        min_value=0.25,
        max_value=24 * 30,
        decimal_places=2,
        initial=8,
        help_text=_("From then on an unanswered conversation is late."),
    )
    follow_up_days = forms.DecimalField(
        label=_("Follow up after (days)"),
        min_value=0.5,
        max_value=365,
        decimal_places=2,
        initial=7,
        help_text=_("A conversation that waits for the customer comes back after this time."),
    )
    members = forms.ModelMultipleChoiceField(
        label=_("Members"),
        queryset=Agent.objects.filter(is_active=True).order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        if team.pk:
            kwargs["initial"] = {
                "name": team.name,
                "respond_hours": _shown(team.respond_within / timedelta(hours=1)),
                "follow_up_days": _shown(team.follow_up_after / timedelta(days=1)),
                "members": team.memberships.filter(active=True).values_list("agent", flat=True),
            }
        super().__init__(*args, **kwargs)

    def values(self) -> dict[str, Any]:
        """As the verb wants them."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "respond_within": timedelta(hours=float(data["respond_hours"])),
            "follow_up_after": timedelta(days=float(data["follow_up_days"])),
            "members": data["members"],
        }


class OwnPageForm(forms.Form):
    name = forms.CharField(
        label=_("Your name"), max_length=150, help_text=_("Customers see it on what you write.")
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("", _("As the browser asks")), *settings.LANGUAGES],
        required=False,
    )
    theme = forms.ChoiceField(
        label=_("Appearance"),
        choices=[("", _("As the device is set")), ("light", _("Light")), ("dark", _("Dark"))],
        required=False,
        widget=forms.RadioSelect,
    )


def _shown(number: float) -> float | int:
    return int(number) if number == int(number) else round(number, 2)
