"""Between push and pull: which messages of a provider's list no call brought, and counting them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db.models import F

from channels_inbox.models import Account
from conversations.models import Arrival
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from conversations.models import Inbox

M = TypeVar("M")

# A call for a message younger than this may still be on its way, or waiting for a worker.
GRACE: Final = timedelta(seconds=60)


def ripe(
    account: Account, messages: Iterable[M], *, when: Callable[[M], datetime], now: datetime
) -> list[M]:
    """Those that need not wait for their call any more; of an inbox that was never called, all."""
    upto = now - GRACE if account.pushed_at else now + GRACE
    return [message for message in messages if when(message) <= upto]


def unknown(inbox: Inbox, names: Iterable[str]) -> set[str]:
    """Those of these messages that never got into a conversation."""
    wanted = {name for name in names if name}
    rows = Arrival.objects.filter(scope=inbox.dedup_scope, external_id__in=wanted)
    return wanted - set(rows.values_list("external_id", flat=True))


def note(account: Account, count: int) -> None:
    """Count what a call should have brought. Where none ever came, reading is how they come."""
    if count and account.pushed_at:
        Account.objects.filter(pk=account.pk).update(
            missed=F("missed") + count, missed_at=database_now()
        )


def move(account: Account, cursor: Mapping[str, Any]) -> None:
    """How far it was read, after all of it is kept."""
    account.cursor = dict(cursor)
    Account.objects.filter(pk=account.pk, lease_epoch=account.lease_epoch).update(
        cursor=account.cursor
    )
