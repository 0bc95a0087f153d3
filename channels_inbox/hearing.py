"""Hearing within a second where nobody calls us: a question to the provider that stands until there
is news, one thread for each account, in a process that does nothing else for the workers.

Each question is asked under the account's lease, as every reading is: nobody else reads it
meanwhile, and what is missed is read on schedule. One process of all that may listen holds the
lock; it belongs to a transaction, so it ends with the connection and never leaks.
"""

from __future__ import annotations

import threading
from typing import Final

import structlog
from django.db import connection, transaction

from channels_inbox import pulling
from channels_inbox.models import Account
from channels_inbox.registry import adapter, kinds
from conversations.thread import database_now

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 5.0
RETRY_AFTER: Final = 5.0
MOST_EARS: Final = 200

LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtext('channels_inbox.hearing'))"


def run(stop: threading.Event) -> None:
    """Hear until `stop` is set. Another process's lock, or ours lost, ends it early."""
    ears: dict[int, Ear] = {}
    try:
        with transaction.atomic():
            if _locked():
                while not stop.wait(LOOK_EVERY if ears else 0.2):
                    _adjust(ears)
    finally:
        for ear in ears.values():
            ear.stop.set()
        for ear in ears.values():
            ear.join(timeout=0.1)
            ear.let_go()
        connection.close()


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        return bool(cursor.fetchone()[0])


def _adjust(ears: dict[int, Ear]) -> None:
    """Have one ear for each account as it is connected now."""
    wanted = {account.pk: account for account in _accounts()}
    for pk, ear in list(ears.items()):
        account = wanted.get(pk)
        if account is None or account.config != ear.account.config or not ear.is_alive():
            ear.stop.set()
            del ears[pk]
    for pk, account in wanted.items():
        if pk not in ears:
            ears[pk] = Ear(account)
            ears[pk].start()


def _accounts() -> list[Account]:
    found = Account.objects.select_related("inbox").filter(
        inbox__is_active=True, inbox__kind__in=kinds(), next_pull_at__isnull=False
    )
    hearing = (one for one in found.order_by("pk") if adapter(one.inbox.kind).hears(one))
    return list(hearing)[:MOST_EARS]


class Ear(threading.Thread):
    """Asks one account's provider again and again, each time until there is news."""

    def __init__(self, account: Account) -> None:
        super().__init__(name=f"hears-{account.pk}", daemon=True)
        self.account = account
        self.stop = threading.Event()
        self.asks = False

    def run(self) -> None:
        while not self.stop.is_set():
            self.asks = True
            try:
                pause = self._hear()
            except Exception:
                log.exception("ear_broke", account=self.account.pk)
                pause = RETRY_AFTER
            finally:
                self.asks = False
                connection.close()
            self.stop.wait(pause)

    def _hear(self) -> float:
        """Returns how long to rest: after an error as long as any reading would."""
        if pulling.pull(self.account.pk, waiting=True) is None:
            return RETRY_AFTER
        fresh = Account.objects.get(pk=self.account.pk)
        if not fresh.error_code or fresh.next_pull_at is None:
            return 0.0
        return max(RETRY_AFTER, (fresh.next_pull_at - database_now()).total_seconds())

    def let_go(self) -> None:
        """A question that stands when we end holds nobody up: it changes nothing any more."""
        if self.asks:
            Account.objects.filter(pk=self.account.pk).update(lease_until=None)
