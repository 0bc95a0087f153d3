"""What the pages of people, teams and one's own account ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from conversations.models import Agent, Assigning, Membership, Role, Shift, Team
from conversations.models.people import OFFLINE_GRACE
from conversations.models.weights import MOST_UNITS
from conversations.teams import Terms
from conversations.zones import ZONES

CLOCK = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
CHANNELS = {
    "email": _("Mail"),
    "chat": _("Chat"),
    "sms": _("SMS"),
    "phone": _("Phone"),
}


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
    assigns = forms.ChoiceField(
        label=_("Automatic assignment"),
        choices=Assigning.choices,
        initial=Assigning.OFF,
        widget=forms.RadioSelect,
        help_text=_(
            "What waits is given to members who are online and have room. Each has room for their "
            "capacity, and a chat takes more of it than a mail."
        ),
    )
    last_agent_first = forms.BooleanField(
        label=_("First to whoever last answered the customer, if they are online"),
        required=False,
        initial=True,
    )
    grace_minutes = forms.IntegerField(
        label=_("Offer to the team after (minutes offline)"),
        min_value=1,
        max_value=24 * 60,
        required=False,
        initial=int(OFFLINE_GRACE / timedelta(minutes=1)),
        help_text=_(
            "What can't wait of a member who is offline for this long is offered to the others. "
            "Empty: never."
        ),
    )
    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(name, name.replace("_", " ")) for name in ZONES],
        required=False,
        help_text=_("The clocks that the shifts of the team go by."),
    )
    parent = forms.ModelChoiceField(
        label=_("Stands in while nobody of the team can act"),
        queryset=Team.objects.all(),
        required=False,
        empty_label=_("The last stop"),
    )
    is_last_stop = forms.BooleanField(
        label=_("This team is the last stop"),
        required=False,
        help_text=_(
            "It answers where nobody else can. There is always one; while nobody is in it, admins "
            "are warned on every page."
        ),
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        here = timezone.get_current_timezone_name()
        kwargs["initial"] = _initial(team) if team.pk else {"zone": here}
        super().__init__(*args, **kwargs)
        self.team = team
        others = self.fields["parent"]
        assert isinstance(others, forms.ModelChoiceField)
        others.queryset = Team.objects.exclude(pk=team.pk)
        # Another team has to become it.
        self.fields["is_last_stop"].disabled = team.is_last_stop

    def values(self) -> dict[str, Any]:
        """As the verb wants them."""
        data = self.cleaned_data
        grace = data["grace_minutes"]
        terms = Terms(
            respond_within=timedelta(hours=float(data["respond_hours"])),
            follow_up_after=timedelta(days=float(data["follow_up_days"])),
            parent=data["parent"],
            is_last_stop=data["is_last_stop"],
            assigns=data["assigns"],
            last_agent_first=data["last_agent_first"],
            offline_grace=timedelta(minutes=grace) if grace else None,
            zone=data["zone"] or self.team.zone,
        )
        return {"name": data["name"], "terms": terms, "members": data["members"]}


def _initial(team: Team) -> dict[str, Any]:
    grace = team.offline_grace
    return {
        "name": team.name,
        "respond_hours": _shown(team.respond_within / timedelta(hours=1)),
        "follow_up_days": _shown(team.follow_up_after / timedelta(days=1)),
        "members": team.memberships.filter(active=True).values_list("agent", flat=True),
        "assigns": team.assigns,
        "last_agent_first": team.last_agent_first,
        "zone": team.zone,
        "grace_minutes": int(grace / timedelta(minutes=1)) if grace else None,
        "parent": team.parent_id,
        "is_last_stop": team.is_last_stop,
    }


class ShiftForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=60)
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Days"),
        choices=list(WEEKDAYS.items()),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        initial=range(5),
        help_text=_("On which days it begins."),
    )
    begins = forms.TimeField(label=_("From"), widget=CLOCK)
    ends = forms.TimeField(
        label=_("Until"),
        widget=CLOCK,
        help_text=_("An earlier time, or the same, is one of the next day."),
    )
    agents = forms.ModelMultipleChoiceField(
        label=_("Who works it"),
        queryset=Agent.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A shift that nobody works does not take place."),
    )

    def __init__(self, *args: Any, shift: Shift, **kwargs: Any) -> None:
        if shift.pk:
            kwargs["initial"] = {
                "name": shift.name,
                "weekdays": shift.weekdays,
                "begins": shift.begins,
                "ends": shift.ends,
                "agents": shift.workers.values_list("agent", flat=True),
            }
        super().__init__(*args, **kwargs)
        members = Membership.objects.filter(team=shift.team_id, active=True).values("agent")
        agents = self.fields["agents"]
        assert isinstance(agents, forms.ModelMultipleChoiceField)
        agents.queryset = Agent.objects.filter(pk__in=members).order_by("name", "pk")


class PersonForm(RoleForm):
    capacity = forms.IntegerField(
        label=_("Capacity"),
        min_value=0,
        max_value=MOST_UNITS,
        required=False,
        help_text=_("How much they are given by itself at a time, in units; 0 for nothing."),
    )


class WeightsForm(forms.Form):
    """A field for each channel there is an inbox of."""

    def __init__(self, *args: Any, weights: dict[str, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind, units in weights.items():
            self.fields[kind] = forms.IntegerField(
                label=CHANNELS.get(kind, kind), min_value=1, max_value=MOST_UNITS, initial=units
            )


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
