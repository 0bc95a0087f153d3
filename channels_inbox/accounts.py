"""Connecting an inbox to a provider: its settings, its secrets, and where the provider calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from channels_inbox import vault
from channels_inbox.gates import out
from channels_inbox.models import Account
from conversations.models import Delivery, DeliveryState
from conversations.thread import database_now
from conversations.wake import wake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conversations.models import Inbox


def connect(inbox: Inbox, config: Mapping[str, Any], secrets: Mapping[str, str]) -> Account:
    """Connect an inbox, or change how it is connected. An empty secret keeps what is there. Reading
    begins at once, from now on, and what waited for other settings goes out."""
    with transaction.atomic():
        now = database_now()
        account, _created = Account.objects.update_or_create(
            inbox=inbox,
            defaults={
                "config": dict(config),
                "next_pull_at": now,
                "rests_until": None,
                "error_code": "",
                "error": "",
                "error_at": None,
            },
        )
        out.open_again(inbox)
        for name, secret in secrets.items():
            if secret:
                vault.put(inbox, name, secret)
        waiting = Delivery.objects.filter(inbox=inbox, state=DeliveryState.QUEUED)
        waiting.filter(next_at__gt=now).exclude(error_code="").update(next_at=now)
        wake("channels_inbox.pull", account.pk)
    return account


def config_of(inbox: Inbox) -> dict[str, Any]:
    """How it is connected; nothing for one that isn't yet."""
    account = Account.objects.filter(inbox=inbox).first() if inbox.pk else None
    return dict(account.config) if account else {}
