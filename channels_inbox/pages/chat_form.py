"""The form of a chat, in the order in which a site's owner thinks of it."""

from __future__ import annotations

import zoneinfo
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from channels_inbox.chat.config import MAX_PRECHAT, ChatConfig
from channels_inbox.pages.mail_form import WordsField
from conversations.models import Inbox, Restriction, Team

DAYS: Final = range(7)
NOTHING, NAME, EMAIL, OTHER = "", "name", "email", "other"
ASKED: Final = [
    (NOTHING, _("Nothing")),
    (NAME, _("Their name")),
    (EMAIL, _("Their email")),
    (OTHER, _("Something else")),
]
# Fields of the form that hold one of the chat's settings under the same name.
SAME: Final = (
    "title",
    "greeting",
    "color",
    "side",
    "theme",
    "language",
    "reply_words",
    "ask_email",
    "sound",
    "zone",
)


class ChatForm(forms.Form):
    name = forms.CharField(label=_("Name on the desk"), max_length=100)
    team = forms.ModelChoiceField(
        label=_("Team that answers"), queryset=Team.objects.all(), empty_label=None
    )
    domains = WordsField(
        label=_("Sites that may show it"),
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "shop.example\n*.shop.example"}),
        help_text=_(
            "One domain a line; *.shop.example means its subdomains. Empty, any site may show it."
        ),
    )
    title = forms.CharField(
        label=_("Title"),
        required=False,
        max_length=60,
        help_text=_("Over the chat. Empty, the name on the desk."),
    )
    greeting = forms.CharField(
        label=_("Greeting"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    from_name = forms.CharField(
        label=_("Your company's name"),
        required=False,
        max_length=100,
        help_text=_("Customers see it where no single person speaks, and in mail."),
    )
    color = forms.CharField(
        label=_("Colour"), widget=forms.TextInput(attrs={"type": "color"}), max_length=7
    )
    side = forms.ChoiceField(
        label=_("Corner"),
        choices=[("end", _("Bottom right")), ("start", _("Bottom left"))],
    )
    theme = forms.ChoiceField(
        label=_("Light or dark"),
        choices=[
            ("auto", _("As the visitor's device")),
            ("light", _("Light")),
            ("dark", _("Dark")),
        ],
    )
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("As the page")), ("en", "English"), ("vi", "Tiếng Việt")],
    )
    hours_on = forms.BooleanField(label=_("We answer only in certain hours"), required=False)
    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(name, name) for name in sorted(zoneinfo.available_timezones())],
    )
    reply_words = forms.CharField(
        label=_("How soon you answer"),
        required=False,
        max_length=200,
        help_text=_("Such as: We usually answer within ten minutes."),
    )
    goes_on_by = forms.ModelChoiceField(
        label=_("Answers not seen go on by mail from"),
        queryset=Inbox.objects.none(),
        required=False,
        empty_label=_("Nowhere"),
        help_text=_(
            "When the visitor has left the site and a proven address is known. "
            "Their answer to that mail comes back into the same conversation."
        ),
    )
    gone_minutes = forms.IntegerField(
        label=_("Minutes without a sign of life until they have left"), min_value=1, max_value=60
    )
    ask_email = forms.BooleanField(
        label=_("Ask for an address while none is known"), required=False
    )
    sound = forms.BooleanField(label=_("A sound for new messages"), required=False)
    restriction = forms.ChoiceField(
        label=_("Who may read"), choices=Restriction.choices, required=False
    )
    fold_restricted = forms.BooleanField(
        label=_("Others see that something is there, as one folded line"), required=False
    )
    undo_seconds = forms.IntegerField(
        label=_("Seconds to take a reply back"), min_value=0, max_value=120
    )
    reopen_hours = forms.IntegerField(
        label=_("Hours in which an answer reopens what was resolved"),
        min_value=0,
        max_value=24 * 90,
    )

    def __init__(self, *args: Any, inbox: Inbox, known: ChatConfig, **kwargs: Any) -> None:
        self.inbox, self.known = inbox, known
        kwargs["initial"] = _shown(inbox, known)
        super().__init__(*args, **kwargs)
        mails = Inbox.objects.active().filter(kind="email")
        self.fields["goes_on_by"].queryset = mails  # type: ignore[attr-defined]
        for number in DAYS:
            self.fields[f"day_{number}"] = forms.CharField(
                label=WEEKDAYS[number],
                required=False,
                max_length=11,
                widget=forms.TextInput(attrs={"placeholder": "09:00-17:30"}),
            )
        for number in range(MAX_PRECHAT):
            self.fields[f"ask_{number}"] = forms.ChoiceField(
                label=_("Question"), choices=ASKED, required=False
            )
            self.fields[f"label_{number}"] = forms.CharField(
                label=_("In these words"), required=False, max_length=60
            )
            self.fields[f"required_{number}"] = forms.BooleanField(
                label=_("Needed"), required=False
            )

    @property
    def days(self) -> list[forms.BoundField]:
        return [self[f"day_{number}"] for number in DAYS]

    @property
    def questions(self) -> list[tuple[forms.BoundField, ...]]:
        parts = ("ask", "label", "required")
        return [tuple(self[f"{part}_{number}"] for part in parts) for number in range(MAX_PRECHAT)]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        for number in range(MAX_PRECHAT):
            if data.get(f"ask_{number}") == OTHER and not data.get(f"label_{number}"):
                self.add_error(f"label_{number}", gettext("Write the question."))
        kinds = [data.get(f"ask_{number}") for number in range(MAX_PRECHAT)]
        if any(kinds.count(kind) > 1 for kind in (NAME, EMAIL)):
            self.add_error("ask_0", gettext("Ask for the same thing once only."))
        if data.get("goes_on_by") and data["goes_on_by"].restriction != data.get("restriction"):
            self.add_error("goes_on_by", gettext("Choose a mail inbox with the same readers."))
        if not self.errors:
            for name, error in self.config().errors().items():
                self.add_error("day_0" if name == "hours" else name, error)
        return data

    def config(self) -> ChatConfig:
        """The chat as the form tells it."""
        data = self.cleaned_data
        spans = tuple(data[f"day_{number}"].replace(" ", "") for number in DAYS)
        return replace(
            self.known,
            **{name: data[name] for name in SAME},
            domains=tuple(_domain(name) for name in data["domains"]),
            hours=spans if data["hours_on"] else (),
            gone_after=data["gone_minutes"] * 60,
            prechat=tuple(self._questions()),
        )

    def filled(self) -> Inbox:
        """The inbox with what the form says, not saved."""
        data, inbox = self.cleaned_data, self.inbox
        inbox.kind = "chat"
        for name in ("name", "team", "restriction", "from_name", "goes_on_by", "fold_restricted"):
            setattr(inbox, name, data[name])
        inbox.undo_window = timedelta(seconds=data["undo_seconds"])
        inbox.reopen_within = timedelta(hours=data["reopen_hours"])
        return inbox

    def _questions(self) -> list[dict[str, Any]]:
        data, found = self.cleaned_data, []
        for number in range(MAX_PRECHAT):
            kind, label = data[f"ask_{number}"], data[f"label_{number}"]
            if kind:
                told = {"name": label if kind == OTHER else kind, "label": label}
                told["type"] = "email" if kind == EMAIL else "text"
                found.append({**told, "required": data[f"required_{number}"]})
        return found


def _domain(text: str) -> str:
    """A domain as it is compared, also where somebody pasted a whole address."""
    return text.lower().removeprefix("https://").removeprefix("http://").split("/")[0]


def _shown(inbox: Inbox, config: ChatConfig) -> dict[str, Any]:
    days = {f"day_{number}": span for number, span in enumerate(config.hours)}
    return {
        **{name: getattr(config, name) for name in SAME},
        **days,
        **_asked(config),
        "domains": config.domains,
        "hours_on": any(config.hours),
        "gone_minutes": config.gone_after // 60,
        "name": inbox.name,
        "team": inbox.team_id,
        "from_name": inbox.from_name,
        "goes_on_by": inbox.goes_on_by_id,
        "restriction": inbox.restriction,
        "fold_restricted": inbox.fold_restricted,
        "undo_seconds": int(inbox.undo_window.total_seconds()),
        "reopen_hours": int(inbox.reopen_within.total_seconds() // 3600),
    }


def _asked(config: ChatConfig) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for number, question in enumerate(config.prechat):
        name = question["name"]
        told[f"ask_{number}"] = name if name in (NAME, EMAIL) else OTHER
        told[f"label_{number}"] = question["label"]
        told[f"required_{number}"] = question["required"]
    return told
