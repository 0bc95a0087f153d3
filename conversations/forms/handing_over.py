"""Who answers, and what the next one must know."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from conversations import packets
from conversations.collecting import FIELDS
from conversations.forms.fields import MAX_SEEN
from conversations.models import (
    MOST_TURNS,
    Agent,
    Team,
)
from conversations.packets import Line, Packet

NEXT_SHIFT = "next"


class EpochForm(forms.Form):
    """The owner the page showed: a change of hands since then refuses the form."""

    epoch = forms.IntegerField(min_value=1, max_value=MAX_SEEN)


class LendForm(EpochForm):
    """Asking a bot to find something out."""

    bot = forms.IntegerField(min_value=1, max_value=MAX_SEEN)
    goal = forms.ChoiceField(
        label=_("To find out"), choices=[(name, field.label) for name, field in FIELDS.items()]
    )
    turns = forms.IntegerField(label=_("Messages at most"), min_value=1, max_value=MOST_TURNS)


class AssignForm(EpochForm):
    """`to` is a team ("3:") or somebody of a team ("3:9")."""

    to = forms.RegexField(r"^\d{1,18}:\d{0,18}$", label=_("Who answers"))

    def clean_to(self) -> tuple[Team, Agent | None]:
        team_id, _colon, agent_id = self.cleaned_data["to"].partition(":")
        team = Team.objects.filter(pk=int(team_id)).first()
        if team is None:
            raise ValidationError(_("That team is gone. Choose another one."))
        if not agent_id:
            return team, None
        agent = Agent.objects.filter(
            pk=int(agent_id), memberships__team=team, memberships__active=True
        ).first()
        if agent is None:
            raise ValidationError(_("They are not an active member of that team."))
        return team, agent


class CitedEntries(forms.Field):
    """Row ids of the entries a line points to."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> tuple[int, ...]:
        told = value or []
        if len(told) > packets.MOST_CITED or any(
            not str(one).isdecimal() or len(str(one)) > 18 for one in told
        ):
            raise ValidationError(_("Choose the messages anew."))
        return tuple(int(one) for one in told)


def _line() -> forms.CharField:
    return forms.CharField(required=False, max_length=packets.LONGEST_LINE)


def _cited() -> CitedEntries:
    return CitedEntries(required=False)


class PacketForm(EpochForm):
    """A packet: six lines with their entries, of a ticket as the page showed it."""

    asks, asks_entries = _line(), _cited()
    done, done_entries = _line(), _cited()
    next, next_entries = _line(), _cited()
    promised, promised_entries = _line(), _cited()
    mood, mood_entries = _line(), _cited()
    reason, reason_entries = _line(), _cited()

    def packet(self) -> Packet:
        """Of a valid form. What an emptied line pointed to goes with it."""
        told = self.cleaned_data
        return Packet(
            **{
                name: Line(told[name], told[f"{name}_entries"] if told[name].strip() else ())
                for name in packets.NAMES
            }
        )


class OfferForm(PacketForm, AssignForm):
    """Whom it is offered to, how, for how long, and the packet. `to` may be the next shift of a
    team ("3:next"), too."""

    to = forms.RegexField(r"^\d{1,18}:(\d{0,18}|next)$", label=_("Who answers"))
    how = forms.ChoiceField(
        label=_("Until somebody accepts"),
        choices=[("warm", _("I stay responsible")), ("direct", _("I step back, my team answers"))],
        widget=forms.RadioSelect,
        initial="warm",
    )
    minutes = forms.TypedChoiceField(
        label=_("Time to answer"),
        choices=[
            (10, _("10 minutes")),
            (30, _("30 minutes")),
            (60, _("1 hour")),
            (240, _("4 hours")),
            (1440, _("1 day")),
        ],
        coerce=int,
        initial=10,
    )

    def clean_to(self) -> tuple[Team, Agent | None]:
        self.to_next_shift = self.cleaned_data["to"].endswith(NEXT_SHIFT)
        self.cleaned_data["to"] = self.cleaned_data["to"].removesuffix(NEXT_SHIFT)
        return super().clean_to()


class AcceptForm(forms.Form):
    """`seen` is the head its author had on screen; who `skip`s says nothing of it."""

    seen = forms.IntegerField(min_value=0, max_value=MAX_SEEN)
    restatement = forms.CharField(label=_("What comes next"), required=False, max_length=200)
    skip = forms.BooleanField(required=False)


class SignForm(forms.Form):
    reason = forms.CharField(label=_("Why they may go"), max_length=200)


class DeclineForm(forms.Form):
    reason = forms.CharField(label=_("Why not"), max_length=200)
