"""What a customer writes in the demo's mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversations.models import Inbox
from helpdesk.demo.postbox import Letter

if TYPE_CHECKING:
    from helpdesk.demo.postbox import Mail


class LetterForm(forms.Form):
    """A mail to one of the desk's inboxes, or the answer to one (`answered`)."""

    to = forms.ChoiceField(label=gettext_lazy("To"))
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=200, required=False)
    text = forms.CharField(
        label=gettext_lazy("Message"),
        max_length=20_000,
        widget=forms.Textarea({"rows": 8, "autofocus": True}),
    )
    file = forms.FileField(label=gettext_lazy("File"), required=False)

    def __init__(self, *args: Any, answered: Mail | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answered = answered
        if answered:
            del self.fields["to"]
            subject = answered.line.subject
            self.fields["subject"].initial = (
                subject if subject.lower().startswith("re:") else f"Re: {subject}"
            )
        else:
            inboxes = Inbox.objects.active().filter(kind="email").order_by("pk")
            field = self.fields["to"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(row.address, row.address) for row in inboxes]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and file.size > settings.ATTACHMENT_MAX_BYTES:
            raise forms.ValidationError(_("This file is too large for a mail."))
        return file

    def letter(self) -> Letter:
        """What the form says, as it is sent: with what is answered below it."""
        told, file = self.cleaned_data, self.cleaned_data["file"]
        files = [(file.name, file.content_type or "", file.read())] if file else []
        if self.answered is None:
            return Letter(told["to"], told["subject"], told["text"], (), files)
        text = f"{told['text']}\n\n{_quoted(self.answered)}"
        return Letter(self.answered.reply_to, told["subject"], text, self.answered.names, files)


def _quoted(mail: Mail) -> str:
    told = {"when": date_format(mail.line.at, "DATETIME_FORMAT"), "who": mail.line.who}
    lines = "\n".join(f"> {line}".rstrip() for line in mail.text.strip().splitlines())
    return _("On %(when)s, %(who)s wrote:") % told + "\n" + lines + "\n"
