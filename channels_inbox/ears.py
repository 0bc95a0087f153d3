"""Who hears of news within a second: a thread for each account, kept as accounts come and go.

What they miss is read on schedule. Of all processes that may listen in one way, the one that holds
its lock does; the lock belongs to a transaction, so it ends with the connection and never leaks.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import structlog
from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from channels_inbox.models import Account

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 5.0
MOST_EARS: Final = 200

LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtext(%s))"


class Ear(threading.Thread, ABC):
    """Hears of one account until `stop` is set, whatever breaks meanwhile. `ends_within` is how
    many seconds it may take to notice."""

    ends_within: ClassVar[float] = 3.0

    def __init__(self, account: Account) -> None:
        super().__init__(name=f"ear-{account.pk}", daemon=True)
        self.account = account
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                pause = self.hear()
            except Exception:  # one that ends would leave its account deaf
                log.exception("ear_broke", account=self.account.pk)
                pause = self.rests()
            finally:
                connection.close()
            self.stop.wait(pause)

    @abstractmethod
    def hear(self) -> float:
        """Returns after how many seconds to go on."""

    @abstractmethod
    def rests(self) -> float:
        """How many seconds to wait after something broke."""

    def let_go(self) -> None:
        """The process ends, and does not wait for it any longer."""


AnEar = TypeVar("AnEar", bound=Ear)


def hear_all(
    stop: threading.Event,
    lock: str,
    accounts: Callable[[], Iterable[Account]],
    ear: Callable[[Account], AnEar],
) -> None:
    """Hear of these accounts until `stop` is set. Another process's lock, or ours lost, ends it
    early."""
    ears: dict[int, AnEar] = {}
    try:
        with transaction.atomic():
            if _locked(lock):
                while not stop.wait(LOOK_EVERY if ears else 0.2):
                    _adjust(ears, accounts(), ear)
    finally:
        for one in ears.values():
            one.stop.set()
        for one in ears.values():
            one.join(timeout=one.ends_within)
            one.let_go()
        connection.close()


def _locked(lock: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [lock])
        return bool(cursor.fetchone()[0])


def _adjust(
    ears: dict[int, AnEar], accounts: Iterable[Account], ear: Callable[[Account], AnEar]
) -> None:
    """Have one for each account as it is connected now."""
    wanted = {account.pk: account for account in accounts}
    for pk, one in list(ears.items()):
        account = wanted.get(pk)
        if account is None or account.config != one.account.config or not one.is_alive():
            one.stop.set()
            del ears[pk]
    for pk, account in wanted.items():
        if pk not in ears:
            ears[pk] = ear(account)
            ears[pk].start()
