"""Phone calls as people write them down."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations import phones
from conversations.calls import LONGEST_ADDRESS, LONGEST_SUMMARY, CallNote, Vow
from conversations.forms.fields import moment
from conversations.models import (
    CallOutcome,
    Direction,
    Inbox,
    Status,
)
from conversations.models.promises import LONGEST_PROMISE

WITHOUT_CODE = _("Without a country code it gets that of our phone: %(codes)s.")


class CallSummaryForm(forms.Form):
    """What came of a call."""

    outcome = forms.ChoiceField(
        label=_("What came of it"), choices=CallOutcome.choices, widget=forms.RadioSelect
    )
    summary = forms.CharField(
        label=_("What was said"),
        required=False,
        max_length=LONGEST_SUMMARY,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    recording = forms.CharField(
        label=_("Address of the recording"),
        required=False,
        max_length=LONGEST_ADDRESS,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )

    def told(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("outcome", "summary", "recording")}


class CallForm(CallSummaryForm):
    """A call that an agent had, or missed."""

    inbox = forms.ModelChoiceField(Inbox.objects.none(), label=_("Phone"), empty_label=None)
    direction = forms.ChoiceField(
        label=_("Who called"),
        choices=[(Direction.IN, _("They called us")), (Direction.OUT, _("We called them"))],
        widget=forms.RadioSelect,
        initial=Direction.IN,
    )
    number = forms.CharField(
        label=_("Their number"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    name = forms.CharField(
        label=_("Their name"), required=False, max_length=200, help_text=_("If you know it.")
    )
    then = forms.ChoiceField(
        label=_("And now"),
        choices=[
            (Status.OPEN, _("It is our turn")),
            (Status.PENDING, _("It is the customer’s turn")),
            (Status.RESOLVED, _("It is done")),
        ],
        initial=Status.OPEN,
    )
    promise = forms.CharField(
        label=_("What we promised"), required=False, max_length=LONGEST_PROMISE
    )
    due = moment(_("By when"))
    code = forms.CharField(
        label=_("Code they read to you"),
        required=False,
        max_length=20,
        help_text=_("Of a message we sent: it proves who they are, and leads to their matter."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )
    client_token = forms.UUIDField(widget=forms.HiddenInput)

    field_order = ("inbox", "direction", "number", "name", "outcome", "summary")

    def __init__(self, *args: Any, inboxes: Any, knows_customer: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["inbox"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = inboxes
        self.fields["due"].required = False
        first = "summary" if knows_customer else "number"
        self.fields[first].widget.attrs["autofocus"] = True
        hints = [str(_("Leave it out if it was withheld."))] if knows_customer else []
        codes = phones.calling_codes(inboxes.values_list("address", flat=True))
        if codes:
            hints.append(WITHOUT_CODE % {"codes": " / ".join(codes)})
        self.fields["number"].help_text = " ".join(hints)
        if knows_customer:
            del self.fields["name"]

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("promise") and not told.get("due") and "due" not in self.errors:
            self.add_error("due", _("Say by when."))
        if told.get("due") and not told.get("promise"):
            self.add_error("promise", _("Say what was promised."))
        return told

    def note(self) -> CallNote:
        told = self.cleaned_data
        vows = (Vow(told["promise"], told["due"]),) if told["promise"] else ()
        return CallNote(
            inbox=told["inbox"],
            direction=told["direction"],
            number=told["number"],
            name=told.get("name", ""),
            then=told["then"],
            vows=vows,
            code=told["code"],
            **self.told(),
        )
