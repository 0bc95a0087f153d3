"""The form of a chat's assistant, and that of trying it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from channels_inbox.chat.reception.settings import MOST_ANSWERS, Reception
from conversations.models import Membership, Team

LONGEST_ANSWER: Final = 1000
MOST_TRIED: Final = 10
NUMBERS: Final = range(MOST_ANSWERS)


class AssistantForm(forms.Form):
    is_on = forms.BooleanField(label=_("The assistant receives new chats"), required=False)
    name = forms.CharField(
        label=_("Its name"),
        max_length=60,
        help_text=_("Customers see it with the word “Assistant”."),
    )
    greeting = forms.CharField(
        label=_("What it says first"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Empty, it says its name and yours. That it is a program it always says."),
    )
    ask_order = forms.BooleanField(label=_("It asks for the order number"), required=False)
    ask_email = forms.BooleanField(
        label=_("It asks for an email address"),
        required=False,
        help_text=_("What is typed here proves nothing and joins nobody's history."),
    )
    fallback = forms.ModelChoiceField(
        label=_("It hands over to"), queryset=Team.objects.all(), empty_label=None
    )
    minutes = forms.IntegerField(
        label=_("Minutes until it hands over in any case"), min_value=1, max_value=120
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in NUMBERS:
            self.fields[f"words_{number}"] = forms.CharField(
                label=_("Words of the question, with commas between"),
                required=False,
                max_length=200,
            )
            self.fields[f"answer_{number}"] = forms.CharField(
                label=_("Answer"),
                required=False,
                max_length=LONGEST_ANSWER,
                widget=forms.Textarea(attrs={"rows": 2}),
            )

    @property
    def answers(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """Those that are filled, and one more."""
        pairs = [(self[f"words_{number}"], self[f"answer_{number}"]) for number in NUMBERS]
        filled = [at for at, pair in enumerate(pairs) if any(field.value() for field in pair)]
        return pairs[: max(filled, default=-1) + 2]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        for number in NUMBERS:
            words, answer = data.get(f"words_{number}"), data.get(f"answer_{number}")
            if bool(words) != bool(answer):
                missing = "answer" if words else "words"
                self.add_error(f"{missing}_{number}", gettext("Fill in both, or neither."))
        people = data.get("fallback")
        if people and not Membership.objects.filter(team=people, active=True).exists():
            self.add_error("fallback", gettext("There is nobody in that team."))
        return data

    def reception(self) -> Reception:
        data = self.cleaned_data
        pairs = [(data[f"words_{number}"], data[f"answer_{number}"]) for number in NUMBERS]
        return Reception(
            greeting=data["greeting"],
            ask_order=data["ask_order"],
            ask_email=data["ask_email"],
            answers=tuple({"words": words, "answer": answer} for words, answer in pairs if words),
        )

    @property
    def holds_for(self) -> timedelta:
        return timedelta(minutes=self.cleaned_data["minutes"])


class TryForm(forms.Form):
    """What a visitor would write, a message a line."""

    said = forms.CharField(
        label=_("What a visitor writes, one message a line"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=[("en", "English"), ("vi", "Tiếng Việt")]
    )

    def lines(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["said"].splitlines()]
        return [line for line in lines if line][:MOST_TRIED]


def shown(reception: Reception, told: dict[str, Any]) -> dict[str, Any]:
    """What the form begins with; `told` is of the bot itself."""
    answers: dict[str, str] = {}
    for number, one in enumerate(reception.answers[:MOST_ANSWERS]):
        answers |= {f"words_{number}": one["words"], f"answer_{number}": one["answer"]}
    return {
        "greeting": reception.greeting,
        "ask_order": reception.ask_order,
        "ask_email": reception.ask_email,
        **answers,
        **told,
    }
