"""Setting up a chat: its account and the secret it shares with the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_inbox import vault
from channels_inbox.chat import signatures
from channels_inbox.chat.config import ChatConfig
from channels_inbox.models import Account

if TYPE_CHECKING:
    from conversations.models import Inbox


class InvalidConfig(Exception):
    """Settings that can't be right; `errors` is field to sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


def config_of(inbox: Inbox) -> ChatConfig:
    """The chat's settings, or the defaults of one that isn't set up yet."""
    account = Account.objects.filter(inbox=inbox).first()
    return ChatConfig.of(account.config) if account else ChatConfig()


def save_account(inbox: Inbox, config: ChatConfig) -> Account:
    """Set a chat up, or change how it is. Raises InvalidConfig."""
    if errors := config.errors():
        raise InvalidConfig(errors)
    account, _created = Account.objects.update_or_create(
        inbox=inbox, defaults={"config": config.stored()}
    )
    return account


def has_secret(inbox: Inbox) -> bool:
    return vault.has(inbox, signatures.SECRET)


def has_secret_before(inbox: Inbox) -> bool:
    """Whether the signing secret before the newest one still works."""
    return vault.has(inbox, signatures.SECRET_BEFORE)
