"""What becomes of a matter, and of a message in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.forms.fields import MAX_SEEN, moment


class ResolveForm(forms.Form):
    """What becomes of the promises that are still open."""

    promises = forms.ChoiceField(
        required=False, choices=[("", ""), ("kept", "kept"), ("withdrawn", "withdrawn")]
    )


class SnoozeForm(forms.Form):
    until = moment(_("Until"))

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if until > timezone.now() + timedelta(days=366 * 3):
            raise ValidationError(_("That is more than three years away. Resolve it instead."))
        return until


class SubjectForm(forms.Form):
    subject = forms.CharField(label=_("Subject"), max_length=300, required=False)


class MoveForm(forms.Form):
    """`to` is a ticket of the same conversation, or 0 for a new one."""

    to = forms.IntegerField(min_value=0, max_value=MAX_SEEN)


class DecisionForm(forms.Form):
    """What to do with a message that failed or may have been sent."""

    action = forms.ChoiceField(choices=[(name, name) for name in ("again", "sent", "give_up")])
