"""Hearing within a second where nobody calls us: a question to the provider that stands until there
is news, one thread for each account, in a process that does nothing else for the workers.

Each question is asked under the account's lease, as every reading is: nobody else reads it
meanwhile, and what is missed is read on schedule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from channels_inbox import ears, pulling
from channels_inbox.models import Account
from channels_inbox.registry import adapter, kinds
from conversations.thread import database_now

if TYPE_CHECKING:
    import threading

RETRY_AFTER: Final = 5.0


def run(stop: threading.Event) -> None:
    """Hear until `stop` is set, or until another process does."""
    ears.hear_all(stop, "channels_inbox.hearing", _accounts, Ear)


def _accounts() -> list[Account]:
    found = Account.objects.select_related("inbox").filter(
        inbox__is_active=True, inbox__kind__in=kinds(), next_pull_at__isnull=False
    )
    hearing = (one for one in found.order_by("pk") if adapter(one.inbox.kind).hears(one))
    return list(hearing)[: ears.MOST_EARS]


class Ear(ears.Ear):
    """Asks one account's provider again and again, each time until there is news."""

    ends_within: ClassVar[float] = 0.1

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.asks = False

    def hear(self) -> float:
        self.asks = True
        try:
            return self._ask()
        finally:
            self.asks = False

    def rests(self) -> float:
        return RETRY_AFTER

    def _ask(self) -> float:
        """After an error it rests as long as any reading would."""
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
