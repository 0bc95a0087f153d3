"""Hearing of new mail within a second: one IDLE connection for each mailbox. It only rings.

What it misses is read on schedule. One listener of all that may run holds the lock; the lock
belongs to a transaction, so it ends with the connection and never leaks.
"""

from __future__ import annotations

import imaplib
import threading
from typing import Final

import structlog
from django.db import connection, transaction
from imap_tools import ImapToolsError
from imap_tools.idle import get_socket_poller

from channels_inbox import pulling
from channels_inbox.base import ConnectError
from channels_inbox.email import connections
from channels_inbox.email.config import MailConfig
from channels_inbox.email.mailbox import FolderOnServer, NoFolder
from channels_inbox.models import Account

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 5.0
IDLE_SECONDS: Final = 10.0
RENEW_IDLE_AFTER: Final = 300.0
RETRY_AFTER: Final = 15.0
MAX_EARS: Final = 200
NEWS: Final = ("EXISTS", "RECENT")

LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtext('channels_inbox.listener'))"


def run(stop: threading.Event) -> None:
    """Listen until `stop` is set. Another listener's lock, or ours lost, ends it early."""
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
            ear.join(timeout=3)
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
    pulled = Account.objects.select_related("inbox").filter(
        inbox__is_active=True, inbox__kind="email", next_pull_at__isnull=False
    )
    return list(pulled.order_by("pk")[:MAX_EARS])


class Ear(threading.Thread):
    """Listens to the first folder of one mailbox, and connects again when that breaks."""

    def __init__(self, account: Account) -> None:
        super().__init__(name=f"ear-{account.pk}", daemon=True)
        self.account = account
        self.config = MailConfig.of(account.config)
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                self._listen()
            except (ConnectError, NoFolder) as error:
                log.info("ear_deaf", account=self.account.pk, error=str(error))
            except Exception:
                log.exception("ear_broke", account=self.account.pk)
            finally:
                connection.close()
            self.stop.wait(RETRY_AFTER)

    def _listen(self) -> None:
        """Raises ConnectError and NoFolder. Ends where the server can't IDLE."""
        with connections.imap(self.account.inbox, self.config) as box:
            FolderOnServer(box, self.config.folders[0])
            if "IDLE" not in box.client.capabilities:
                self.stop.wait(RENEW_IDLE_AFTER)
                return
            self._ring()
            while not self.stop.is_set():
                self._idle(box)

    def _idle(self, box: connections.MailBox) -> None:
        """Until the server says anything, or it is time to ask anew. What it said is read when the
        IDLE is ended: read while it lasts, without waiting, a line is torn where a packet ends."""
        box.idle.start()  # type: ignore[no-untyped-call]
        waited = 0.0
        while waited < RENEW_IDLE_AFTER and not self.stop.is_set():
            if _has_news(box) or get_socket_poller(box.client.sock, IDLE_SECONDS):  # type: ignore[arg-type]
                break
            waited += IDLE_SECONDS
        try:
            box.idle.stop()  # type: ignore[no-untyped-call]
        except (OSError, imaplib.IMAP4.error, ImapToolsError) as error:
            raise ConnectError("broken", str(error)) from error
        if _has_news(box):
            self._ring()
        for name in NEWS:
            box.client.untagged_responses.pop(name, None)

    def _ring(self) -> None:
        pulling.ring(self.account.pk)
        connection.close()


def _has_news(box: connections.MailBox) -> bool:
    return any(name in box.client.untagged_responses for name in NEWS)
