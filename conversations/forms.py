"""What people type into the desk, checked for shape. What it means is the verbs' business."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations import packets
from conversations.collecting import FIELDS
from conversations.customers import Address
from conversations.models import (
    MOST_TURNS,
    Agent,
    Identity,
    IdentityKind,
    Inbox,
    PromiseChannel,
    Team,
)
from conversations.models.promises import LONGEST_PROMISE

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MAX_ADDRESSES = 50
MAX_SEEN = 2**62
TEXT = forms.Textarea(attrs={"rows": 4})


class AddressList(forms.CharField):
    """Mail addresses apart by commas, semicolons or lines."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        parts = text.replace(";", ",").replace("\n", ",").split(",")
        found = list(dict.fromkeys(part.strip().lower() for part in parts if part.strip()))
        if len(found) > MAX_ADDRESSES:
            raise ValidationError(_("These are too many addresses. Fifty is the most."))
        for address in found:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(
                    _("%(value)s is not a mail address."), params={"value": address}
                ) from None
        return found

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True
    template_name = "django/forms/widgets/input.html"


class ReplyForm(forms.Form):
    """A message to the customer. `seen` is the head its author had on screen."""

    text = forms.CharField(
        label=_("Message"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    identity = forms.ModelChoiceField(Identity.objects.none(), label=_("To"))
    inbox = forms.ModelChoiceField(Inbox.objects.none(), label=_("From"))
    to = AddressList(label=_("Also to"), required=False)
    cc = AddressList(label=_("Cc"), required=False)
    bcc = AddressList(label=_("Bcc"), required=False)
    subject = forms.CharField(label=_("Subject"), required=False, max_length=300)
    quote = forms.BooleanField(label=_("Quote what was said"), required=False)
    answers = forms.IntegerField(required=False, min_value=1, max_value=MAX_SEEN)
    seen = forms.IntegerField(min_value=0, max_value=MAX_SEEN)
    client_token = forms.UUIDField()
    version = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def __init__(
        self,
        *args: Any,
        identities: Any = None,
        inboxes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if identities is not None:
            self._field("identity").queryset = identities
        if inboxes is not None:
            self._field("inbox").queryset = inboxes

    def _field(self, name: str) -> forms.ModelChoiceField[Any]:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        field.empty_label = None
        return field


class NoteForm(forms.Form):
    """A note for colleagues."""

    text = forms.CharField(label=_("Note"), required=False, strip=False)
    client_token = forms.UUIDField()
    version = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class DraftForm(forms.Form):
    """What is typed so far, of any shape: a half address must be kept, too."""

    mode = forms.ChoiceField(choices=[("reply", "reply"), ("note", "note")])
    text = forms.CharField(required=False, strip=False, max_length=100_000)
    version = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    identity = forms.CharField(required=False, max_length=20)
    inbox = forms.CharField(required=False, max_length=20)
    to = forms.CharField(required=False, max_length=5000)
    cc = forms.CharField(required=False, max_length=5000)
    bcc = forms.CharField(required=False, max_length=5000)
    subject = forms.CharField(required=False, max_length=300)
    quote = forms.BooleanField(required=False)
    answers = forms.CharField(required=False, max_length=20)


class EpochForm(forms.Form):
    """The owner the page showed: a change of hands since then refuses the form."""

    epoch = forms.IntegerField(min_value=1, max_value=MAX_SEEN)


class LendForm(EpochForm):
    """Asking a bot to find something out."""

    bot = forms.IntegerField(min_value=1, max_value=MAX_SEEN)
    goal = forms.ChoiceField(
        label=_("To find out"), choices=[(name, field.label) for name, field in FIELDS.items()]
    )
    turns = forms.IntegerField(label=_("Messages at most"), min_value=1, max_value=MOST_TURNS)


class AssignForm(EpochForm):
    """`to` is a team ("3:") or somebody of a team ("3:9")."""

    to = forms.RegexField(r"^\d{1,18}:\d{0,18}$", label=_("Who answers"))

    def clean_to(self) -> tuple[Team, Agent | None]:
        team_id, _colon, agent_id = self.cleaned_data["to"].partition(":")
        team = Team.objects.filter(pk=int(team_id)).first()
        if team is None:
            raise ValidationError(_("That team is gone. Choose another one."))
        if not agent_id:
            return team, None
        agent = Agent.objects.filter(
            pk=int(agent_id), memberships__team=team, memberships__active=True
        ).first()
        if agent is None:
            raise ValidationError(_("They are not an active member of that team."))
        return team, agent


class CitedEntries(forms.Field):
    """Row ids of the entries a line points to."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> tuple[int, ...]:
        told = value or []
        if len(told) > packets.MOST_CITED or any(
            not str(one).isdecimal() or len(str(one)) > 18 for one in told
        ):
            raise ValidationError(_("Choose the messages anew."))
        return tuple(int(one) for one in told)


def _line() -> forms.CharField:
    return forms.CharField(required=False, max_length=packets.LONGEST_LINE)


def _cited() -> CitedEntries:
    return CitedEntries(required=False)


class OfferForm(AssignForm):
    """Whom it is offered to, how, for how long, and the packet: six lines with their entries."""

    how = forms.ChoiceField(
        label=_("Until somebody accepts"),
        choices=[("warm", _("I stay responsible")), ("direct", _("I step back, my team answers"))],
        widget=forms.RadioSelect,
        initial="warm",
    )
    minutes = forms.TypedChoiceField(
        label=_("Time to answer"),
        choices=[
            (10, _("10 minutes")),
            (30, _("30 minutes")),
            (60, _("1 hour")),
            (240, _("4 hours")),
            (1440, _("1 day")),
        ],
        coerce=int,
        initial=10,
    )
    asks, asks_entries = _line(), _cited()
    done, done_entries = _line(), _cited()
    next, next_entries = _line(), _cited()
    promised, promised_entries = _line(), _cited()
    mood, mood_entries = _line(), _cited()
    reason, reason_entries = _line(), _cited()


class AcceptForm(forms.Form):
    """`seen` is the head its author had on screen; who `skip`s says nothing of it."""

    seen = forms.IntegerField(min_value=0, max_value=MAX_SEEN)
    restatement = forms.CharField(label=_("What comes next"), required=False, max_length=200)
    skip = forms.BooleanField(required=False)


class DeclineForm(forms.Form):
    reason = forms.CharField(label=_("Why not"), max_length=200)


def _moment(label: _StrPromise) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class PromiseForm(forms.Form):
    text = forms.CharField(
        label=_("What we will do"),
        max_length=LONGEST_PROMISE,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    due = _moment(_("By when"))
    channel = forms.ChoiceField(
        label=_("How they hear of it"), choices=PromiseChannel.choices, required=False
    )

    def asked(self) -> dict[str, Any]:
        """What a valid form asks of the verb."""
        told = self.cleaned_data
        return {"text": told["text"], "due_at": told["due"], "channel": told["channel"]}


class PromiseTimeForm(forms.Form):
    due = _moment(_("By when"))


class PromiseReasonForm(forms.Form):
    reason = forms.CharField(label=_("Why"), max_length=LONGEST_PROMISE)


class ResolveForm(forms.Form):
    """What becomes of the promises that are still open."""

    promises = forms.ChoiceField(
        required=False, choices=[("", ""), ("kept", "kept"), ("withdrawn", "withdrawn")]
    )


class SnoozeForm(forms.Form):
    until = _moment(_("Until"))

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


class CustomerForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200, required=False)


class MemoForm(forms.Form):
    memo = forms.CharField(
        label=_("About this customer"), max_length=5000, required=False, widget=TEXT
    )


KINDS: list[tuple[str, _StrPromise]] = [
    (IdentityKind.EMAIL, _("Mail address")),
    (IdentityKind.PHONE, _("Phone number")),
]


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


class NewMessageForm(forms.Form):
    """A message that opens a conversation, or a new matter in one."""

    address = forms.EmailField(label=_("To"), max_length=320)
    name = forms.CharField(
        label=_("Their name"), required=False, max_length=200, help_text=_("If you know it.")
    )
    inbox = forms.ModelChoiceField(Inbox.objects.none(), label=_("From"), empty_label=None)
    team = forms.ModelChoiceField(
        Team.objects.none(), label=_("Team that answers"), empty_label=None
    )
    subject = forms.CharField(label=_("Subject"), max_length=300)
    text = forms.CharField(
        label=_("Message"),
        strip=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 9}),
    )
    client_token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, inboxes: Any, teams: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (("inbox", inboxes), ("team", teams)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows
