"""The form of a webhook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_inbox.webhooks.news import LABELS, TYPES

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.functional import _StrPromise

    from channels_inbox.models import Webhook

ALL: Final = "all"
SOME: Final = "some"


class WebhookForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("Such as: orders at the shop.")
    )
    url = forms.URLField(
        label=_("Address"),
        max_length=500,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"placeholder": "https://shop.example/desk-events"}),
        help_text=_("A POST with JSON goes there for each thing that happens."),
    )
    extent = forms.ChoiceField(
        label=_("What it is told"),
        widget=forms.RadioSelect,
        choices=[(ALL, _("Everything, also what comes later")), (SOME, _("Only what is ticked"))],
    )
    types = forms.MultipleChoiceField(
        choices=list(LABELS.items()),
        required=False,
        error_messages={"invalid_choice": _("There is no such thing to be told.")},
    )

    def __init__(self, data: QueryDict | None = None, *, webhook: Webhook | None = None) -> None:
        types = webhook.types if webhook else []
        initial = {"extent": SOME if types else ALL, "types": types}
        if webhook:
            initial |= {"name": webhook.name, "url": webhook.url}
        super().__init__(data, initial=initial)

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if told.get("extent") == SOME and not told.get("types"):
            self.add_error("types", _("Tick at least one thing, or choose everything."))
        return told

    @property
    def groups(self) -> Iterator[tuple[_StrPromise, list[tuple[str, _StrPromise, bool]]]]:
        """(heading, [(type, label, whether it is ticked)])."""
        ticked = set(self["types"].value() or [])
        for heading, group in TYPES.items():
            yield heading, [(name, label, name in ticked) for name, label in group.items()]

    def told(self) -> dict[str, Any]:
        """As `keeping` takes it."""
        values = self.cleaned_data
        types = values["types"] if values["extent"] == SOME else []
        return {"name": values["name"], "url": values["url"], "types": types}
