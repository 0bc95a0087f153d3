"""Hearing of new mail within a second: one IDLE connection for each mailbox. It only rings."""

from __future__ import annotations

import imaplib
from typing import TYPE_CHECKING, Final

import structlog
from django.db import connection
from imap_tools import ImapToolsError
from imap_tools.idle import get_socket_poller

from channels_inbox import ears, pulling
from channels_inbox.base import ConnectError
from channels_inbox.email import connections
from channels_inbox.email.config import MailConfig
from channels_inbox.email.mailbox import FolderOnServer, NoFolder
from channels_inbox.models import Account

if TYPE_CHECKING:
    import threading

log = structlog.get_logger(__name__)

IDLE_SECONDS: Final = 10.0
RENEW_IDLE_AFTER: Final = 300.0
RETRY_AFTER: Final = 15.0
NEWS: Final = ("EXISTS", "RECENT")


def run(stop: threading.Event) -> None:
    """Listen until `stop` is set, or until another process does."""
    ears.hear_all(stop, "channels_inbox.listener", _accounts, Ear)


def _accounts() -> list[Account]:
    pulled = Account.objects.select_related("inbox").filter(
        inbox__is_active=True, inbox__kind="email", next_pull_at__isnull=False
    )
    return list(pulled.order_by("pk")[: ears.MOST_EARS])


class Ear(ears.Ear):
    """Listens to the first folder of one mailbox, and connects again when that breaks."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.config = MailConfig.of(account.config)

    def hear(self) -> float:
        try:
            self._listen()
        except (ConnectError, NoFolder) as error:
            log.info("ear_deaf", account=self.account.pk, error=str(error))
        return self.rests()

    def rests(self) -> float:
        return RETRY_AFTER

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
