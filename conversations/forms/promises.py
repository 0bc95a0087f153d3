"""What customers are promised."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations.forms.fields import moment
from conversations.models import (
    PromiseChannel,
)
from conversations.models.promises import LONGEST_PROMISE


class PromiseForm(forms.Form):
    text = forms.CharField(
        label=_("What we will do"),
        max_length=LONGEST_PROMISE,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    due = moment(_("By when"))
    channel = forms.ChoiceField(
        label=_("How they hear of it"), choices=PromiseChannel.choices, required=False
    )

    def asked(self) -> dict[str, Any]:
        """What a valid form asks of the verb."""
        told = self.cleaned_data
        return {"text": told["text"], "due_at": told["due"], "channel": told["channel"]}


class PromiseTimeForm(forms.Form):
    due = moment(_("By when"))


class PromiseReasonForm(forms.Form):
    reason = forms.CharField(label=_("Why"), max_length=LONGEST_PROMISE)
