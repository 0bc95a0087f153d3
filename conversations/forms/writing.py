"""Answers, notes, drafts and first messages."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from conversations import phones
from conversations.forms.fields import MAX_SEEN, moment
from conversations.models import (
    Identity,
    Inbox,
    Team,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ADDRESSES = 50
TEXT = forms.Textarea(attrs={"rows": 4})
WITHOUT_CODE = _(
    "A mail address, or a phone number. Without a country code it gets that of the number we write"
    " from: %(codes)s."
)


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
    cites = forms.BooleanField(required=False)
    template = forms.IntegerField(required=False, min_value=1, max_value=MAX_SEEN)
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


class LaterForm(forms.Form):
    later = moment(_("When to send it"))


class InboxSelect(forms.Select):
    """`told` are data attributes by row id of an inbox, for what the page says of it."""

    told: Mapping[int, Mapping[str, object]] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        told = self.told.get(value.value, {})
        option["attrs"] |= {f"data-{key}": each for key, each in told.items() if each}
        return option


class InboxField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Inboxes by name and by what customers see them as."""

    def label_from_instance(self, inbox: Inbox) -> str:
        return f"{inbox.name} ({inbox.address})" if inbox.address else inbox.name


class NewMessageForm(forms.Form):
    """A message that opens a conversation, or a new matter in one."""

    address = forms.CharField(
        label=_("To"),
        max_length=320,
        help_text=_("A mail address, or a phone number with the country code: +84 …"),
    )
    name = forms.CharField(
        label=_("Their name"), required=False, max_length=200, help_text=_("If you know it.")
    )
    inbox = InboxField(Inbox.objects.none(), label=_("From"), empty_label=None, widget=InboxSelect)
    team = forms.ModelChoiceField(
        Team.objects.none(), label=_("Team that answers"), empty_label=None
    )
    subject = forms.CharField(
        label=_("Subject"),
        max_length=300,
        required=False,
        help_text=_("Of a mail; else only what colleagues call it."),
    )
    template = forms.ModelChoiceField(
        Template.objects.none(),
        label=_("Template"),
        required=False,
        empty_label=_("None: write freely"),
        help_text=_("WhatsApp takes only a template before they have written."),
    )
    text = forms.CharField(
        label=_("Message"),
        strip=False,
        required=False,
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
        templates = Template.objects.ready().filter(inbox__in=inboxes).select_related("inbox")
        field = self.fields["template"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = templates
        if not templates:
            del self.fields["template"]
        codes = phones.calling_codes(inboxes.values_list("address", flat=True))
        if codes:
            self.fields["address"].help_text = WITHOUT_CODE % {"codes": " / ".join(codes)}

    def clean(self) -> dict[str, Any]:
        """A mail has a subject; without a template something has to be written."""
        told = self.cleaned_data
        inbox = told.get("inbox")
        if inbox and inbox.kind == "email" and not told.get("subject"):
            self.add_error("subject", _("A mail needs a subject."))
        if not told.get("template") and not told.get("text", "").strip():
            self.add_error("text", _("Write something first."))
        return told
