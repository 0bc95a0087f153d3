"""The form of a mail inbox, in the order in which a person has the facts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from channels_inbox.email import connections, oauth
from channels_inbox.email.config import (
    DELETE,
    LEAVE,
    MAX_SINCE_DAYS,
    MOVE,
    NONE,
    OAUTH,
    PASSWORD,
    READ,
    SSL,
    STARTTLS,
    MailConfig,
)
from channels_inbox.gates import out
from channels_inbox.pages.mail_hosts import guess
from conversations.models import Inbox, Restriction, Team

SECURITY = [
    (SSL, _("TLS from the start")),
    (STARTTLS, _("STARTTLS")),
    (NONE, _("None (only in your own network)")),
]
# What a sign-in choice means to the account: how, and at which provider.
SIGN_INS = {
    "password": (PASSWORD, ""),
    "google": (OAUTH, "google"),
    "microsoft": (OAUTH, "microsoft"),
    "other": (OAUTH, ""),
}
# Fields of the form that hold one of the account under the same name.
SAME = (
    "oauth_client_id",
    "oauth_authorize_url",
    "oauth_token_url",
    "oauth_scope",
    "imap_host",
    "imap_port",
    "imap_security",
    "smtp_host",
    "smtp_port",
    "smtp_security",
    "since_days",
    "after",
    "after_folder",
    "plus_addressing",
    "receipt",
    "authserv_id",
)
SHOWN_AS = {"imap_username": "username", "auth": "sign_in", "smtp_username": "smtp_username"}
SECRET_KEPT = "••••"


def secret_field(label: Any, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        **more,
    )


def rate_field() -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Messages a minute, at most"),
        required=False,
        min_value=1,
        max_value=60_000,
        help_text=_(
            "So fast the desk sends by this inbox; more waits its turn. Write what your contract "
            "with the provider allows. Empty: what suits most."
        ),
    )


class WordsField(forms.CharField):
    """Several words or addresses, one a line or between commas."""

    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, **more)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "\n".join(value or ())

    def to_python(self, value: Any) -> Any:
        words = re.split(r"[,;\r\n]+", super().to_python(value) or "")
        return tuple(dict.fromkeys(word for part in words if (word := part.strip())))


class MailInboxForm(forms.Form):
    address = forms.EmailField(label=_("Address"), max_length=254)
    sign_in = forms.ChoiceField(
        label=_("How the desk signs in"),
        choices=[
            ("password", _("With a password")),
            ("google", _("Google, with your own client")),
            ("microsoft", _("Microsoft 365, with your own client")),
            ("other", _("Another provider with OAuth")),
        ],
    )
    password = secret_field(
        _("Password"),
        help_text=_(
            "Gmail, Yahoo and iCloud want an app password, made in the account's settings."
        ),
    )
    username = forms.CharField(
        label=_("Name to sign in with"),
        required=False,
        max_length=254,
        help_text=_("Leave empty when it is the address."),
    )
    oauth_client_id = forms.CharField(label=_("Client id"), required=False, max_length=300)
    oauth_client_secret = secret_field(_("Client secret"))
    oauth_authorize_url = forms.URLField(
        label=_("Where people allow it"),
        required=False,
        assume_scheme="https",
        help_text=_("This and the next two only for another provider."),
    )
    oauth_token_url = forms.URLField(
        label=_("Where tokens are handed out"), required=False, assume_scheme="https"
    )
    oauth_scope = forms.CharField(label=_("Scope"), required=False, max_length=500)

    imap_host = forms.CharField(label=_("Reading (IMAP)"), required=False, max_length=253)
    imap_port = forms.IntegerField(label=_("Port"), initial=993, min_value=1, max_value=65535)
    imap_security = forms.ChoiceField(label=_("Security"), choices=SECURITY)
    smtp_host = forms.CharField(label=_("Sending (SMTP)"), required=False, max_length=253)
    smtp_port = forms.IntegerField(label=_("Port"), initial=465, min_value=1, max_value=65535)
    smtp_security = forms.ChoiceField(label=_("Security"), choices=SECURITY)
    smtp_username = forms.CharField(
        label=_("Another name to send with"), required=False, max_length=254
    )
    smtp_password = secret_field(_("Another password to send with"))
    smtp_open = forms.BooleanField(label=_("The server wants no sign-in to send"), required=False)

    since_days = forms.IntegerField(
        label=_("Bring in mail of the last days"),
        initial=0,
        min_value=0,
        max_value=MAX_SINCE_DAYS,
        help_text=_("0: only what comes from now on."),
    )
    folders = WordsField(
        label=_("Folders to read"),
        initial="INBOX",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One a line."),
    )
    after = forms.ChoiceField(
        label=_("A mail that was taken in"),
        choices=[
            (LEAVE, _("stays as it is")),
            (READ, _("is marked as read")),
            (MOVE, _("is moved to another folder")),
            (DELETE, _("is deleted at the server")),
        ],
    )
    after_folder = forms.CharField(label=_("Folder to move it to"), required=False, max_length=255)

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
    from_name = forms.CharField(
        label=_("Sender name"),
        required=False,
        max_length=100,
        help_text=_("Customers see it before the address."),
    )
    signature = forms.CharField(
        label=_("Signature"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    undo_seconds = forms.IntegerField(
        label=_("Seconds to take a reply back"), initial=5, min_value=0, max_value=120
    )
    reopen_hours = forms.IntegerField(
        label=_("Hours in which an answer reopens what was resolved"),
        initial=72,
        min_value=0,
        max_value=24 * 90,
    )

    per_minute = rate_field()

    plus_addressing = forms.BooleanField(
        label=_("The server takes mail for name+anything@…"),
        required=False,
        help_text=_(
            "Then replies find their conversation even from mail programs that drop the headers. "
            "The test asks the server."
        ),
    )
    receipt = forms.BooleanField(
        label=_("Confirm a new matter by mail"),
        required=False,
        help_text=_(
            "A fixed line that the message has arrived; it repeats nothing of it, and goes to an "
            "address three times a day at most."
        ),
    )
    authserv_id = forms.CharField(
        label=_("Name your mail server writes its checks under"),
        required=False,
        max_length=253,
        help_text=_(
            "The first word of the Authentication-Results header in a mail you received, such as "
            "mx.google.com. With it the desk believes the server that a sender is genuine. Set it "
            "only where the server removes such headers from incoming mail; empty, every sender "
            "counts as unproven."
        ),
    )
    trusted_forwarders = WordsField(
        label=_("Trusted forwarders"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_(
            "Addresses or domains of your own people. When they forward a mail here, it goes to "
            "the conversation of the person it came from."
        ),
    )
    system_senders = WordsField(
        label=_("System senders"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Shops, forms, monitors: each of their mails is a matter of its own."),
    )

    def __init__(self, *args: Any, inbox: Inbox, known: MailConfig, **kwargs: Any) -> None:
        self.inbox, self.known = inbox, known
        kwargs["initial"] = _shown(inbox, known) if inbox.pk else _first(inbox.address)
        super().__init__(*args, **kwargs)
        if inbox.pk:
            for name in ("password", "smtp_password", "oauth_client_secret"):
                self.fields[name].widget.attrs["placeholder"] = gettext(
                    "%(dots)s set, write to replace"
                ) % {"dots": SECRET_KEPT}

    def clean_address(self) -> str:
        return str(self.cleaned_data["address"]).lower()

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not self.errors:
            config, given = self.config(), self.secrets()
            errors = {**self._missing_secrets(config, given), **config.errors(data["address"])}
            for name, error in errors.items():
                shown = SHOWN_AS.get(name, name)
                self.add_error(shown if shown in self.fields else None, error)
        return data

    def config(self) -> MailConfig:
        """The account as the form tells it; what it doesn't ask for stays."""
        data = self.cleaned_data
        how, provider = SIGN_INS[data["sign_in"]]
        username = data["username"] or data["address"]
        return replace(
            self.known,
            **{name: data[name] for name in SAME},
            auth=how,
            oauth_provider=provider,
            imap_username=username,
            smtp_username="" if data["smtp_open"] else data["smtp_username"] or username,
            folders=data["folders"],
            trusted_forwarders=data["trusted_forwarders"],
            system_senders=data["system_senders"],
        )

    def secrets(self) -> dict[str, str]:
        """What was typed, by the account's names; empty ones keep what is stored."""
        data = self.cleaned_data
        sends_alike = not data["smtp_username"] or data["smtp_username"] == data["username"]
        return {
            connections.IMAP_PASSWORD: data["password"],
            connections.SMTP_PASSWORD: data["smtp_password"]
            or (data["password"] if sends_alike else ""),
            oauth.CLIENT_SECRET: data["oauth_client_secret"],
        }

    def filled(self) -> Inbox:
        """The inbox with what the form says, not saved."""
        data, inbox = self.cleaned_data, self.inbox
        inbox.kind = "email"
        for name in ("address", "name", "team", "restriction", "from_name", "signature"):
            setattr(inbox, name, data[name])
        inbox.fold_restricted = data["fold_restricted"]
        inbox.undo_window = timedelta(seconds=data["undo_seconds"])
        inbox.reopen_within = timedelta(hours=data["reopen_hours"])
        return inbox

    def _missing_secrets(self, new: MailConfig, given: dict[str, str]) -> dict[str, str]:
        """A stored password goes only to the server and name it was typed for."""
        if new.auth != PASSWORD:
            return {}
        errors = {}
        for side, field in (("imap", "password"), ("smtp", "smtp_password")):
            moved = any(
                getattr(new, f"{side}_{what}") != getattr(self.known, f"{side}_{what}")
                for what in ("host", "port", "security", "username")
            )
            needed = getattr(new, f"{side}_host") and getattr(new, f"{side}_username")
            if moved and needed and not given[f"{side}_password"]:
                shown = field if self.cleaned_data["smtp_username"] else "password"
                errors[shown] = gettext("Write the password for this server.")
        return errors


def _first(address: str) -> dict[str, Any]:
    """A new inbox: what the address alone tells."""
    hosts = guess(address)
    return {
        "address": address,
        "name": address,
        "sign_in": hosts.oauth or "password",
        "imap_host": hosts.imap_host,
        "imap_security": SSL,
        "smtp_host": hosts.smtp_host,
        "smtp_port": hosts.smtp_port,
        "smtp_security": hosts.smtp_security,
        "fold_restricted": True,
    }


def _shown(inbox: Inbox, config: MailConfig) -> dict[str, Any]:
    sign_in = next(
        (
            name
            for name, meaning in SIGN_INS.items()
            if meaning == (config.auth, config.oauth_provider)
        ),
        "other",
    )
    username = "" if config.imap_username == inbox.address else config.imap_username
    alike = config.smtp_username in ("", config.imap_username)
    return {
        **{name: getattr(config, name) for name in SAME},
        "sign_in": sign_in,
        "username": username,
        "smtp_username": "" if alike else config.smtp_username,
        "smtp_open": bool(config.smtp_host) and not config.smtp_username,
        "folders": config.folders,
        "trusted_forwarders": config.trusted_forwarders,
        "system_senders": config.system_senders,
        "address": inbox.address,
        "name": inbox.name,
        "team": inbox.team_id,
        "restriction": inbox.restriction,
        "fold_restricted": inbox.fold_restricted,
        "from_name": inbox.from_name,
        "signature": inbox.signature,
        "undo_seconds": int(inbox.undo_window.total_seconds()),
        "per_minute": out.rate_of(inbox),
        "reopen_hours": int(inbox.reopen_within.total_seconds() // 3600),
    }
