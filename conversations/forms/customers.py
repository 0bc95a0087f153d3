"""Customers, their addresses, and who is looked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from conversations.customers import Address
from conversations.forms.fields import MAX_SEEN
from conversations.forms.writing import TEXT
from conversations.models import (
    IdentityKind,
)


class CustomerForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200, required=False)


class MemoForm(forms.Form):
    memo = forms.CharField(
        label=_("About this customer"), max_length=5000, required=False, widget=TEXT
    )


class AddressForm(forms.Form):
    """One more way to reach a customer; mail or phone is told by the look of it."""

    value = forms.CharField(label=_("Mail address or phone number"), max_length=320)

    def address(self) -> Address:
        value = self.cleaned_data["value"]
        return Address(IdentityKind.EMAIL if "@" in value else IdentityKind.PHONE, value)


class IdentityForm(forms.Form):
    action = forms.ChoiceField(choices=[(name, name) for name in ("block", "unblock", "clear")])


class NewCustomerForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200)
    email = forms.EmailField(label=_("Mail address"), required=False, max_length=320)
    phone = forms.CharField(
        label=_("Phone number"),
        required=False,
        max_length=40,
        help_text=_("With the country code: +84 …"),
    )
    memo = forms.CharField(
        label=_("About this customer"),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For colleagues only."),
    )

    def addresses(self) -> list[Address]:
        told = self.cleaned_data
        pairs = ((IdentityKind.EMAIL, told["email"]), (IdentityKind.PHONE, told["phone"]))
        return [Address(kind, value, label=told["name"]) for kind, value in pairs if value]

    def clean(self) -> dict[str, Any]:
        if not (self.cleaned_data.get("email") or self.cleaned_data.get("phone")):
            raise ValidationError(_("Write down at least one address: mail or phone."))
        return self.cleaned_data


class JoinForm(forms.Form):
    into = forms.IntegerField(min_value=1, max_value=MAX_SEEN)
    reason = forms.CharField(
        label=_("Why are these the same person?"),
        max_length=300,
        help_text=_("Kept with the join, so that others can judge it later."),
    )


class SearchForm(forms.Form):
    q = forms.CharField(required=False, max_length=200)
