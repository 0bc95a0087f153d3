"""Reading accounts on a schedule: one puller at a time for each, sooner where mail comes often."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import connection
from django.db.models import F, Q, QuerySet

from channels_inbox.base import ConnectError, Pulled
from channels_inbox.models import Account, Folder
from channels_inbox.registry import adapter
from conversations.thread import database_now
from conversations.wake import wake

if TYPE_CHECKING:
    from datetime import datetime

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
RENEW_EVERY = 5.0
SENDING = "sending:"
SOONEST, LATEST = timedelta(seconds=10), timedelta(seconds=60)
SOONEST_AFTER_ERROR, LATEST_AFTER_ERROR = timedelta(seconds=30), timedelta(minutes=15)


class LostLease(Exception):
    """Another puller has the account now."""


def due() -> list[int]:
    """Accounts whose time has come and that nobody is reading."""
    return list(Account.objects.due(database_now()).values_list("pk", flat=True))


def pull(account_id: int, *, waiting: bool = False) -> Pulled | None:
    """Read one account now; `waiting` by a question that stands until there is news. None when
    somebody else is reading it, or it is switched off.

    What went wrong is written on the account, for its health and for the next try.
    """
    account = _lease(account_id)
    if account is None:
        return None
    channel = adapter(account.inbox.kind)
    try:
        pulled = channel.hear(account) if waiting else channel.pull(account)
    except LostLease:
        return None
    except ConnectError as error:
        _failed(account, error.code, error.error)
    except Exception as error:  # noqa: BLE001 - the account says so and is tried again
        log.exception("pull_broke", account=account_id)
        _failed(account, "broke", f"{type(error).__name__}: {error}")
    else:
        _done(account, pulled)
        return pulled
    return Pulled(0)


def ring(account_id: int) -> None:
    """Something seems to have arrived: read the account now."""
    Account.objects.filter(pk=account_id).update(next_pull_at=database_now())
    wake("channels_inbox.pull", account_id)


def ask_to_reconcile() -> None:
    """Have every account compared in full with its provider when it is read next."""
    Folder.objects.filter(inbox__is_active=True).update(reconciled_at=None)
    Account.objects.filter(inbox__is_active=True, next_pull_at__isnull=False).update(
        next_pull_at=database_now()
    )


def let_go() -> None:
    """Give the connection back to the pool while we wait for somebody."""
    if not connection.in_atomic_block:
        connection.close()


class Holding:
    """The lease of an account while it is read."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._renewed = time.monotonic()

    def still(self) -> None:
        """Renew now and then. Raises LostLease when another puller took over."""
        if time.monotonic() - self._renewed < RENEW_EVERY:
            return
        if not _held(self._account).update(lease_until=database_now() + LEASE):
            raise LostLease
        self._renewed = time.monotonic()


def healthy(account_id: int, *, sending: bool = False) -> None:
    """It works again, in this direction: what was wrong with it is over."""
    troubled = Account.objects.filter(pk=account_id).exclude(error_code="")
    of_sending = Q(error_code__startswith=SENDING)
    troubled.filter(of_sending if sending else ~of_sending).update(
        error_code="", error="", error_at=None
    )


def note_error(account_id: int, code: str, error: str, *, sending: bool = False) -> None:
    """Keep what is wrong with an account, and since when it has been wrong in this way."""
    code = f"{SENDING if sending else ''}{code}"[:60]
    account = Account.objects.get(pk=account_id)
    began = account.error_at if account.error_code == code else None
    Account.objects.filter(pk=account_id).update(
        error_code=code, error=error[:500], error_at=began or database_now()
    )


def _lease(account_id: int) -> Account | None:
    now = database_now()
    free = Account.objects.filter(pk=account_id, inbox__is_active=True).filter(
        Q(lease_until=None) | Q(lease_until__lt=now)
    )
    if not free.update(lease_until=now + LEASE, lease_epoch=F("lease_epoch") + 1):
        return None
    return Account.objects.select_related("inbox__team").get(pk=account_id)


def _held(account: Account) -> QuerySet[Account]:
    return Account.objects.filter(pk=account.pk, lease_epoch=account.lease_epoch)


def _done(account: Account, pulled: Pulled) -> None:
    healthy(account.pk)
    fresh = Account.objects.get(pk=account.pk)
    now = database_now()
    pause = (
        timedelta() if pulled.more else _pause(now - (fresh.last_in_at or now - timedelta(days=1)))
    )
    _release(account, now, pause)


def _failed(account: Account, code: str, error: str) -> None:
    note_error(account.pk, code, error)
    fresh = Account.objects.get(pk=account.pk)
    now = database_now()
    lasted = now - (fresh.error_at or now)
    _release(account, now, max(SOONEST_AFTER_ERROR, min(lasted / 2, LATEST_AFTER_ERROR)))


def _pause(quiet: timedelta) -> timedelta:
    """A mailbox that had mail a minute ago is looked at sooner than one that had none all day."""
    return max(SOONEST, min(quiet / 30, LATEST))


def _release(account: Account, now: datetime, pause: timedelta) -> None:
    """Rung while it was read (`next_pull_at` moved) means once more, at once."""
    changed = (
        _held(account)
        .exclude(next_pull_at=account.next_pull_at)
        .update(lease_until=None, checked_at=now)
    )
    if changed:
        wake("channels_inbox.pull", account.pk)
        return
    _held(account).update(lease_until=None, checked_at=now, next_pull_at=now + pause)
    if not pause:
        wake("channels_inbox.pull", account.pk)
