"""What the page of API tokens asks for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations.models import Agent, Scope


class TokenForm(forms.Form):
    """A new token: for oneself, or by an admin for anybody who works here."""

    LASTS: ClassVar = {
        "30": _("30 days"),
        "90": _("90 days"),
        "365": _("A year"),
        "": _("Until it is revoked"),
    }

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("What it is for, such as “Web shop”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    agent = forms.ModelChoiceField(
        Agent.objects.filter(is_active=True).order_by("name"),
        label=_("Acts as"),
        empty_label=None,
        help_text=_("It sees and may do what they may; history names them."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    lasts = forms.ChoiceField(label=_("It works for"), choices=LASTS.items(), required=False)

    def __init__(self, *args: Any, by: Agent, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"agent": by.pk, "scopes": [Scope.READ], "lasts": "90"})
        super().__init__(*args, **kwargs)
        self.by = by
        if not by.is_admin:
            del self.fields["agent"]

    def values(self) -> dict[str, Any]:
        """As the verb wants them."""
        told = self.cleaned_data
        days = told["lasts"]
        return {
            "agent": told.get("agent", self.by),
            "name": told["name"],
            "scopes": told["scopes"],
            "lasts": timedelta(days=int(days)) if days else None,
        }
