"""What one asks of the transcripts."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations.models import Agent, ExportFormat, Inbox, Status, Team
from conversations.models.inboxes import medium_of
from conversations.templatetags.desk import channel_name
from conversations.transcripts import Asked

ANY = ("", _("Any"))
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class TranscriptSearchForm(forms.Form):
    """The fields of a search, by the names they have in the address."""

    text = forms.CharField(label=_("Words"), required=False, max_length=200)
    customer = forms.CharField(label=_("Customer"), required=False, max_length=200)
    agent = forms.ModelChoiceField(
        Agent.objects.none(), label=_("Owner"), required=False, empty_label=_("Any")
    )
    team = forms.ModelChoiceField(
        Team.objects.none(), label=_("Team"), required=False, empty_label=_("Any")
    )
    channel = forms.ChoiceField(label=_("Channel"), required=False)
    status = forms.ChoiceField(label=_("Status"), required=False, choices=[ANY, *Status.choices])
    since = forms.DateField(label=_("Opened from"), required=False, widget=DAY)
    until = forms.DateField(label=_("Opened until"), required=False, widget=DAY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choices("agent").queryset = Agent.objects.order_by("name", "pk")
        self._choices("team").queryset = Team.objects.all()
        kinds = Inbox.objects.order_by("kind").values_list("kind", flat=True).distinct()
        channel = self.fields["channel"]
        assert isinstance(channel, forms.ChoiceField)
        media = dict.fromkeys(medium_of(kind) for kind in kinds)
        channel.choices = [ANY, *((name, channel_name(name)) for name in media)]

    @property
    def asked(self) -> Asked:
        told = self.cleaned_data
        agent, team = told.get("agent"), told.get("team")
        return Asked(
            text=told.get("text", "").strip(),
            customer=told.get("customer", "").strip(),
            agent=agent.pk if agent else None,
            team=team.pk if team else None,
            channel=told.get("channel", ""),
            status=told.get("status", ""),
            since=told.get("since"),
            until=told.get("until"),
        )

    def _choices(self, name: str) -> forms.ModelChoiceField[Any]:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        return field


class ExportForm(forms.Form):
    """What kind of file. `client_token` makes pressing twice one wish."""

    format = forms.ChoiceField(label=_("As"), choices=ExportFormat.choices)
    with_notes = forms.BooleanField(label=_("With internal notes and events"), required=False)
    client_token = forms.UUIDField(widget=forms.HiddenInput)

    @classmethod
    def fresh(cls) -> ExportForm:
        return cls(initial={"format": ExportFormat.HTML, "client_token": uuid.uuid4()})
