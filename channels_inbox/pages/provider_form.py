"""The form of a provider's inbox: what the provider asks for, and what all inboxes do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from channels_inbox import terms, vault
from channels_inbox.gates import out
from channels_inbox.pages.mail_form import SECRET_KEPT, rate_field, secret_field
from conversations.models import Inbox, Restriction, Team

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels_inbox.provider import Provider, Setting

UNDO_SECONDS: Final = 5


class ProviderForm(forms.Form):
    name = forms.CharField(label=_("Name on the desk"), max_length=100)
    team = forms.ModelChoiceField(
        label=_("Team that answers"), queryset=Team.objects.all(), empty_label=None
    )
    restriction = forms.ChoiceField(
        label=_("Who may read"), choices=Restriction.choices, required=False
    )
    fold_restricted = forms.BooleanField(
        label=_("Others see that something is there, as one folded line"), required=False
    )
    undo_seconds = forms.IntegerField(
        label=_("Seconds to take a reply back"), initial=UNDO_SECONDS, min_value=0, max_value=120
    )
    reopen_hours = forms.IntegerField(
        label=_("Hours in which an answer reopens what was resolved"),
        initial=72,
        min_value=0,
        max_value=24 * 90,
    )

    per_minute = rate_field()

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        provider: Provider,
        inbox: Inbox,
        known: Mapping[str, Any],
    ) -> None:
        self.provider, self.inbox, self.known = provider, inbox, known
        super().__init__(data, initial=self._shown())
        kept = {
            one.name
            for one in provider.settings
            if one.secret and inbox.pk and vault.has(inbox, one.name)
        }
        for one in provider.settings:
            self.fields[one.name] = _field(one, is_kept=one.name in kept)
        self._kept = kept

    @property
    def asked(self) -> list[forms.BoundField]:
        """What nearly everybody has to say."""
        return [self[one.name] for one in self.provider.settings if not one.rare]

    @property
    def rare(self) -> list[forms.BoundField]:
        return [self[one.name] for one in self.provider.settings if one.rare]

    @property
    def rare_is_wrong(self) -> bool:
        return any(field.errors for field in self.rare)

    @property
    def is_other_account(self) -> bool:
        """Whether the provider has to be asked anew whose account this is. A price is ours."""
        told = [(name, value) for name, value in self.config().items() if name != terms.PRICE]
        is_other = any(value != self.known.get(name) for name, value in told)
        return not self.inbox.pk or any(self.secrets().values()) or is_other

    def clean(self) -> dict[str, Any]:
        """A stored secret goes only to the account and address it was typed for."""
        data = self.cleaned_data
        moved = self.inbox.pk and any(
            data.get(one.name) != self.known.get(one.name)
            for one in self.provider.settings
            if one.needs_anew
        )
        for name in self._kept if moved else ():
            if not data.get(name):
                self.add_error(name, gettext("Write it anew for this account and address."))
        base = str(data.get("base_url", ""))
        if base and not base.startswith("https://") and not settings.ALLOW_PRIVATE_HOSTS:
            self.add_error("base_url", gettext("Only https keeps the secret on its way."))
        return data

    def config(self) -> dict[str, Any]:
        return {
            one.name: self.cleaned_data[one.name]
            for one in self.provider.settings
            if not one.secret
        }

    def secrets(self) -> dict[str, str]:
        """What was typed; empty ones keep what is stored."""
        return {
            one.name: self.cleaned_data[one.name] for one in self.provider.settings if one.secret
        }

    def filled(self) -> Inbox:
        """The inbox with what the form says, not saved."""
        data, inbox = self.cleaned_data, self.inbox
        inbox.kind = self.provider.kind
        for name in ("name", "team", "restriction", "fold_restricted"):
            setattr(inbox, name, data[name])
        inbox.undo_window = timedelta(seconds=data["undo_seconds"])
        inbox.reopen_within = timedelta(hours=data["reopen_hours"])
        return inbox

    def _shown(self) -> dict[str, Any]:
        inbox = self.inbox
        first = {
            one.name: bool(one.initial) if one.switch else one.initial
            for one in self.provider.settings
            if not one.secret
        }
        if not inbox.pk:
            rate = self.provider.per_minute
            name = str(self.provider.label)
            told = {"name": name, "team": _usual_team(), "per_minute": rate}
            return {**first, **told, "fold_restricted": True}
        return {
            **first,
            **self.known,
            "name": inbox.name,
            "team": inbox.team_id,
            "restriction": inbox.restriction,
            "fold_restricted": inbox.fold_restricted,
            "undo_seconds": int(inbox.undo_window.total_seconds()),
            "reopen_hours": int(inbox.reopen_within.total_seconds() // 3600),
            "per_minute": out.rate_of(inbox),
        }


def _usual_team() -> Team | None:
    """The one that answers by most inboxes already."""
    return Team.objects.annotate(n=Count("inboxes")).order_by("-n", "pk").first()


def _field(one: Setting, *, is_kept: bool) -> forms.Field:
    told: dict[str, Any] = {"label": one.label, "help_text": one.help}
    if one.secret:
        field = secret_field(one.label, help_text=one.help)
        field.required = one.required and not is_kept
        if is_kept:
            field.widget.attrs["placeholder"] = gettext("%(dots)s set, write to replace") % {
                "dots": SECRET_KEPT
            }
        return field
    if one.switch:
        return forms.BooleanField(required=False, **told)
    if one.choices:
        return forms.ChoiceField(choices=one.choices, **told)
    if one.name == terms.PRICE:
        wrong = gettext("Write a number and a currency, such as 0.075 EUR.")
        return forms.RegexField(
            rf"^{terms.WRITTEN.pattern}$",
            required=one.required,
            max_length=20,
            error_messages={"invalid": wrong},
            **told,
        )
    if one.name == "base_url":
        return forms.URLField(required=one.required, assume_scheme="https", **told)
    return forms.CharField(required=one.required, max_length=200, **told)
