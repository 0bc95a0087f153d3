"""The settings of a mail account as the admin makes them; its secrets are elsewhere (`vault`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from channels_inbox.email import tokens
from channels_inbox.email.mime.addresses import valid_address
from channels_inbox.stored import Stored

if TYPE_CHECKING:
    pass

SSL, STARTTLS, NONE = "ssl", "starttls", "none"
SECURITIES: Final = (SSL, STARTTLS, NONE)
PASSWORD, OAUTH = "password", "oauth"
LEAVE, READ, MOVE, DELETE = "leave", "read", "move", "delete"
AFTERS: Final = (LEAVE, READ, MOVE, DELETE)
MAX_SINCE_DAYS: Final = 365


@dataclass(frozen=True)
class Provider:
    """Where a mail provider hands out access tokens, and what to ask it for."""

    authorize_url: str
    token_url: str
    scope: str


PROVIDERS: Final = {
    "google": Provider(
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        "https://mail.google.com/",
    ),
    "microsoft": Provider(
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "https://outlook.office.com/IMAP.AccessAsUser.All"
        " https://outlook.office.com/SMTP.Send offline_access",
    ),
}


@dataclass(frozen=True)
class MailConfig(Stored):
    """How mail reaches us and leaves us.

    Without `imap_host` mail comes by hook only; without `smtp_host` nothing is sent. `since_days` 0
    means only mail that arrives from now on; `cutoff` is the moment this makes (ISO time), set when
    the account is connected. `oauth_*_url` and `oauth_scope` override the provider's own. A From of
    `trusted_forwarders` stands for the person it forwards; each mail of `system_senders` is a
    matter of its own. Both hold addresses and domains. `authserv_id` is the name under which our
    own mail server writes Authentication-Results; it must remove those headers from incoming mail
    that use its name (RFC 8601, section 5), else leave this empty.
    """

    imap_host: str = ""
    imap_port: int = 993
    imap_security: str = SSL
    imap_username: str = ""
    smtp_host: str = ""
    smtp_port: int = 465
    smtp_security: str = SSL
    smtp_username: str = ""
    auth: str = PASSWORD
    oauth_provider: str = ""
    oauth_client_id: str = ""
    oauth_authorize_url: str = ""
    oauth_token_url: str = ""
    oauth_scope: str = ""
    folders: tuple[str, ...] = ("INBOX",)
    since_days: int = 0
    cutoff: str = ""
    after: str = LEAVE
    after_folder: str = ""
    plus_addressing: bool = False
    authserv_id: str = ""
    trusted_forwarders: tuple[str, ...] = ()
    system_senders: tuple[str, ...] = ()
    receipt: bool = False

    @property
    def pulls(self) -> bool:
        return bool(self.imap_host)

    @property
    def provider(self) -> Provider:
        """The endpoints to use: the known provider's, overridden by what the admin typed."""
        known = PROVIDERS.get(self.oauth_provider, Provider("", "", ""))
        return Provider(
            self.oauth_authorize_url or known.authorize_url,
            self.oauth_token_url or known.token_url,
            self.oauth_scope or known.scope,
        )

    @property
    def cutoff_at(self) -> datetime | None:
        return datetime.fromisoformat(self.cutoff) if self.cutoff else None

    def trusts(self, address: str) -> bool:
        return _listed(address, self.trusted_forwarders)

    def is_system(self, address: str) -> bool:
        return _listed(address, self.system_senders)

    def errors(self, address: str) -> dict[str, str]:
        """What can't be right, as field to sentence, for an inbox with this address."""
        return {
            **_address_errors(self, address),
            **_server_errors(self),
            **_mailbox_errors(self),
            **_oauth_errors(self),
        }


def _listed(address: str, entries: tuple[str, ...]) -> bool:
    """Whether an address is named, or is of a domain that is named (`example.org`,
    `@example.org`)."""
    address = address.lower()
    names = {entry.lower().removeprefix("@") for entry in entries}
    return address in names or address.rpartition("@")[2] in names


def _address_errors(config: MailConfig, address: str) -> dict[str, str]:
    errors = {}
    if not valid_address(address):
        errors["address"] = _("Write the mail address of this inbox.")
    elif config.plus_addressing and not tokens.leaves_room(address):
        errors["plus_addressing"] = _(
            "The part before the @ is too long for plus-addresses: 24 characters at most."
        )
    return errors


def _server_errors(config: MailConfig) -> dict[str, str]:
    errors = {}
    for side in ("imap", "smtp"):
        host: str = getattr(config, f"{side}_host")
        if not host:
            continue
        if any(char in "/:@ \t\r\n" for char in host):
            errors[f"{side}_host"] = _("Write only the server's name, such as mail.example.org.")
        if not 0 < getattr(config, f"{side}_port") < 65536:
            errors[f"{side}_port"] = _("A port is a number from 1 to 65535.")
        if getattr(config, f"{side}_security") not in SECURITIES:
            errors[f"{side}_security"] = _("Choose how the connection is secured.")
    if config.imap_host and not config.imap_username:
        errors["imap_username"] = _("Write the name to sign in with.")
    return errors


def _mailbox_errors(config: MailConfig) -> dict[str, str]:
    errors = {}
    if config.imap_host and not config.folders:
        errors["folders"] = _("Name at least one folder to read, such as INBOX.")
    if not 0 <= config.since_days <= MAX_SINCE_DAYS:
        errors["since_days"] = _("Choose from 0 (only new mail) to 365 days.")
    if config.after not in AFTERS:
        errors["after"] = _("Choose what happens to a mail that was read.")
    elif config.after == MOVE and not config.after_folder:
        errors["after_folder"] = _("Name the folder to move mail to.")
    elif config.after == MOVE and config.after_folder in config.folders:
        errors["after_folder"] = _("Mail can't be moved to a folder that is read.")
    return errors


def _oauth_errors(config: MailConfig) -> dict[str, str]:
    if config.auth == PASSWORD:
        return {}
    errors = {}
    if config.auth != OAUTH:
        errors["auth"] = _("Choose how to sign in.")
    if not config.oauth_client_id:
        errors["oauth_client_id"] = _("Write the client id of your app at the provider.")
    if not config.provider.token_url.startswith(("https://", "http://")):
        errors["oauth_token_url"] = _("Write the address where the provider hands out tokens.")
    return errors
