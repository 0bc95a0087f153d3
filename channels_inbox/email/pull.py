"""Reading mailboxes: every mail once, whatever crashes in between.

The ledger (`MailPlace`) says which (folder, UIDVALIDITY, UID) we have; its row is committed with
the envelope, and only then is the server told. \\Seen, UIDNEXT and Message-IDs decide nothing.
"""

from __future__ import annotations

import imaplib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from channels_inbox import receive
from channels_inbox.base import ConnectError, Pulled, Raw
from channels_inbox.email import connections
from channels_inbox.email.config import LEAVE, MailConfig
from channels_inbox.email.mailbox import FolderOnServer, NoFolder
from channels_inbox.models import Folder, MailPlace
from channels_inbox.pulling import Holding
from conversations.thread import database_now

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from channels_inbox.models import Account, Envelope

log = structlog.get_logger(__name__)

SECONDS: Final = 40.0
OLDER, TOO_LARGE = "older", "too_large"


def pull(account: Account) -> Pulled:
    """Read all folders of a mailbox. Raises ConnectError, also when a mail or folder can't be read
    (after all the others were)."""
    config = MailConfig.of(account.config)
    if not config.pulls:
        return Pulled(0)
    turn = Turn(account, config, Holding(account), time.monotonic() + SECONDS)
    with connections.imap(account.inbox, config) as box:
        for name in config.folders:
            try:
                turn.read(FolderOnServer(box, name), name)
            except NoFolder:
                turn.troubles.append(_("The folder %(name)s can't be opened.") % {"name": name})
    if turn.troubles:
        raise ConnectError("incomplete", " ".join(turn.troubles))
    return turn.pulled


@dataclass
class Turn:
    """One puller's turn at a mailbox."""

    account: Account
    config: MailConfig
    holding: Holding
    ends: float
    pulled: Pulled = Pulled(0)

    def __post_init__(self) -> None:
        self.troubles: list[str] = []

    def read(self, server: FolderOnServer, name: str) -> None:
        folder = self._folder(server, name)
        self._file(server, folder)
        uids = self._missing(server, folder)
        sizes = server.sizes(uids)
        unread = [uid for uid in uids if not self._take(server, folder, uid, sizes.get(uid))]
        self._advance(folder, uids, unread)
        self._file(server, folder)

    def _folder(self, server: FolderOnServer, name: str) -> Folder:
        folder, _new = Folder.objects.get_or_create(inbox=self.account.inbox, name=name)
        if folder.uidvalidity != server.state.uidvalidity:
            _begin(folder, server, self.config)
        return folder

    def _missing(self, server: FolderOnServer, folder: Folder) -> list[int]:
        """UIDs the ledger doesn't have: new ones, and every hour any of the whole folder."""
        whole = folder.reconciled_at is None
        found = server.uids(folder.first_uid if whole else folder.last_uid + 1)
        known = _places(folder).filter(uid__in=found).values_list("uid", flat=True)
        missing = sorted(set(found) - set(known))
        if whole:
            folder.server_count, folder.reconciled_at = len(found), database_now()
            folder.save(update_fields=["server_count", "reconciled_at"])
        return missing

    def _take(self, server: FolderOnServer, folder: Folder, uid: int, size: int | None) -> bool:
        """Keep one mail. False when it has to be looked at again: no time left, or the server won't
        give it, which stops no other mail."""
        if time.monotonic() > self.ends:
            self.pulled = replace(self.pulled, more=True)
            return False
        self.holding.still()
        if size is None:
            return True
        try:
            body = server.body(uid, size, settings.MAIL_MAX_BYTES) if _fits(size) else b""
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            log.warning("mail_not_given", inbox=folder.inbox_id, uid=uid, error=str(error)[:200])
            self.troubles.append(
                _("The server does not hand out mail %(uid)s of %(folder)s.")
                % {"uid": uid, "folder": folder.name}
            )
            return False
        if body is not None:
            self._keep(folder, uid, body, size)
        return True

    def _keep(self, folder: Folder, uid: int, body: bytes, size: int) -> None:
        if not _fits(size) or not _fits(len(body)):
            _skip(folder, [uid], TOO_LARGE)
            return
        raw = Raw(
            source="imap",
            dedup_key=f"imap:{folder.pk}:{folder.uidvalidity}:{uid}",
            body=body,
            meta={"folder": folder.name, "uid": uid},
        )
        filed = self.config.after == LEAVE

        def account_for(envelope: Envelope) -> None:
            place = _place(folder, uid)
            place.envelope, place.filed_at = envelope, database_now() if filed else None
            MailPlace.objects.bulk_create([place], ignore_conflicts=True)

        kept = receive.keep(self.account.inbox, raw, also=account_for)
        self.pulled = replace(self.pulled, new=self.pulled.new + kept.is_new)

    def _advance(self, folder: Folder, seen: list[int], unread: list[int]) -> None:
        """Next time begins after what was seen, but not after a mail that is still to be read."""
        last = unread[0] - 1 if unread else max(seen, default=0)
        if last > folder.last_uid:
            folder.last_uid = last
            folder.save(update_fields=["last_uid"])

    def _file(self, server: FolderOnServer, folder: Folder) -> None:
        """Tell the server about mail that is kept. Interrupted before it is noted, it is told
        again."""
        waiting = _places(folder).filter(filed_at=None, envelope__isnull=False)
        uids = list(waiting.order_by("uid").values_list("uid", flat=True))
        if uids:
            server.file(uids, self.config)
            waiting.filter(uid__in=uids).update(filed_at=database_now())


def _begin(folder: Folder, server: FolderOnServer, config: MailConfig) -> None:
    """Start a folder: a new one, or one whose UIDs the server has dealt anew.

    A new one begins at the present, or some days back if the admin wants. One dealt anew is read
    again from the day it was connected; what is in its conversation already is found by its
    content.
    """
    is_new, state = folder.uidvalidity == 0, server.state
    present = state.uidnext or max(server.uids(), default=0) + 1
    wanted: list[int] = []
    if config.cutoff_at and (config.since_days or not is_new):
        wanted = server.uids_since(config.cutoff_at)
    first = min(wanted, default=present)
    older = set(server.uids(first)) - set(wanted) if wanted else set()
    with transaction.atomic():
        folder.uidvalidity, folder.first_uid, folder.last_uid = state.uidvalidity, first, first - 1
        folder.save(update_fields=["uidvalidity", "first_uid", "last_uid"])
        _skip(folder, [uid for uid in older if uid < present], OLDER)


def _skip(folder: Folder, uids: list[int], reason: str) -> None:
    places = [_place(folder, uid) for uid in uids]
    for place in places:
        place.skipped = reason
    MailPlace.objects.bulk_create(places, ignore_conflicts=True, batch_size=1000)


def _place(folder: Folder, uid: int) -> MailPlace:
    return MailPlace(folder=folder, uidvalidity=folder.uidvalidity, uid=uid)


def _places(folder: Folder) -> QuerySet[MailPlace]:
    return MailPlace.objects.filter(folder=folder, uidvalidity=folder.uidvalidity)


def _fits(size: int) -> bool:
    return size <= settings.MAIL_MAX_BYTES
