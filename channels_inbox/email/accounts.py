"""Setting up a mail inbox: its account, its secrets, and the secret of its hook."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from channels_inbox import vault
from channels_inbox.email import connections, hooks, oauth
from channels_inbox.email.config import MailConfig
from channels_inbox.email.pull import TOO_LARGE
from channels_inbox.gates import out
from channels_inbox.models import Account, MailPlace
from conversations.thread import database_now
from conversations.wake import wake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from conversations.models import Inbox

SECRETS: Final = (
    connections.IMAP_PASSWORD,
    connections.SMTP_PASSWORD,
    oauth.CLIENT_SECRET,
    oauth.REFRESH_TOKEN,
)


class InvalidConfig(Exception):
    """Settings that can't be right; `errors` is field to sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


def config_of(inbox: Inbox) -> MailConfig:
    """The inbox's settings, or the defaults of one that isn't connected yet."""
    account = Account.objects.filter(inbox=inbox).first()
    return MailConfig.of(account.config) if account else MailConfig()


def save_account(
    inbox: Inbox, config: MailConfig, given: Mapping[str, str] | None = None
) -> Account:
    """Connect an inbox, or change how it is connected. `given` are secrets by name (`SECRETS`); an
    empty one keeps what is there. Reading begins at once. Raises InvalidConfig.
    """
    if errors := config.errors(inbox.address):
        raise InvalidConfig(errors)
    with transaction.atomic():
        now = database_now()
        known = Account.objects.select_for_update(of=("self",), no_key=True).filter(inbox=inbox)
        config = _with_cutoff(config, known.first(), now)
        account, _created = Account.objects.update_or_create(
            inbox=inbox,
            defaults={
                "config": config.stored(),
                "next_pull_at": now if config.pulls else None,
                "error_code": "",
                "error": "",
                "error_at": None,
            },
        )
        out.open_again(inbox)
        for name, secret in (given or {}).items():
            if name not in SECRETS:
                raise KeyError(name)
            if secret:
                vault.put(inbox, name, secret)
        if config.pulls:
            wake("channels_inbox.pull", account.pk)
    return account


def new_hook_secret(inbox: Inbox) -> str:
    """A new secret for the inbox's hook, to be shown once; the one before goes on working until it
    is stopped."""
    secret = secrets.token_urlsafe(32)
    vault.replace(inbox, hooks.SECRET, secret)
    return secret


def has_hook_secret(inbox: Inbox) -> bool:
    return vault.has(inbox, hooks.SECRET)


def too_large(inbox: Inbox) -> QuerySet[MailPlace]:
    """Mails left at the server because they are larger than we take, newest first."""
    return (
        MailPlace.objects.select_related("folder")
        .filter(folder__inbox=inbox, skipped=TOO_LARGE)
        .order_by("-pk")
    )


def _with_cutoff(config: MailConfig, known: Account | None, now: datetime) -> MailConfig:
    """Mail from before the connection stays out for good; another mailbox is a new connection."""
    before = MailConfig.of(known.config) if known else MailConfig()
    same = (before.imap_host, before.imap_username, before.since_days) == (
        config.imap_host,
        config.imap_username,
        config.since_days,
    )
    if same and before.cutoff:
        return replace(config, cutoff=before.cutoff)
    return replace(config, cutoff=(now - timedelta(days=config.since_days)).isoformat())
