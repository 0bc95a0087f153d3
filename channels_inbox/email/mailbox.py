"""What we ask of an IMAP folder, in terms of UIDs. Never selects by \\Seen, never changes it
unasked."""

from __future__ import annotations

import imaplib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from imap_tools import ImapToolsError
from imap_tools.utils import chunked_crop

from channels_inbox.email.config import DELETE, LEAVE, MOVE, READ, MailConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from channels_inbox.email.connections import MailBox

CHUNK_UIDS: Final = 200
CHUNK_BYTES: Final = 1024 * 1024
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_UID: Final = re.compile(rb"\bUID (\d+)")
_SIZE: Final = re.compile(rb"\bRFC822\.SIZE (\d+)")


class NoFolder(Exception):
    """The server has no folder of this name, or won't open it."""


@dataclass(frozen=True)
class State:
    """A folder when it was opened. `uidnext` is only a prediction, and 0 where the server gives
    none."""

    uidvalidity: int
    uidnext: int


class FolderOnServer:
    """One opened folder. All methods raise OSError or imaplib's errors when the connection
    breaks."""

    def __init__(self, box: MailBox, name: str) -> None:
        """Raises NoFolder."""
        self._box, self._client = box, box.client
        self.state = self._open(name)

    def uids(self, first: int = 1) -> list[int]:
        """UIDs from `first` on, ascending. A range ending in `*` also finds the last one below
        it."""
        found = self._search(f"UID {max(first, 1)}:*")
        return [uid for uid in found if uid >= first]

    def uids_since(self, moment: datetime) -> list[int]:
        """UIDs of mail that arrived at or after a moment, to the second. SEARCH knows only days, in
        whatever zone."""
        moment = moment.replace(microsecond=0)
        day = (moment - timedelta(days=1)).astimezone(UTC)
        found = self._search(f"SINCE {day.day}-{MONTHS[day.month - 1]}-{day.year}")
        arrived = self._arrivals(found)
        return [uid for uid in found if arrived.get(uid, moment) >= moment]

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Octets of each mail that is still there, as the server states them; 0 where it won't."""
        try:
            return self._sizes(uids)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            if len(uids) == 1:
                return {uids[0]: 0}
        middle = len(uids) // 2
        return self.sizes(uids[:middle]) | self.sizes(uids[middle:])

    def body(self, uid: int, size: int, limit: int) -> bytes | None:
        """The raw mail; None when it is gone. Stops after `limit` + 1 bytes. Leaves \\Seen
        alone."""
        if size <= CHUNK_BYTES:
            return self._part(uid, "BODY.PEEK[]")
        parts: list[bytes] = []
        while (taken := sum(map(len, parts))) <= limit:
            part = self._part(uid, f"BODY.PEEK[]<{taken}.{CHUNK_BYTES}>")
            if part is None:
                return None
            parts.append(part)
            if len(part) < CHUNK_BYTES:
                break
        return b"".join(parts)

    def file(self, uids: Sequence[int], config: MailConfig) -> None:
        """Do with read mail what the admin chose. Doing it twice at worst leaves two copies
        filed."""
        for chunk in chunked_crop([str(uid) for uid in uids], CHUNK_UIDS):
            if config.after == READ:
                self._store(chunk, r"(\Seen)")
            elif config.after == MOVE:
                self._move(chunk, config.after_folder)
            elif config.after == DELETE:
                self._remove(chunk)
            else:
                assert config.after == LEAVE

    def _sizes(self, uids: Sequence[int]) -> dict[int, int]:
        found = {}
        for line in self._fetch(uids, "(UID RFC822.SIZE)"):
            uid, size = _UID.search(line), _SIZE.search(line)
            if uid and size:
                found[int(uid[1])] = int(size[1])
        return found

    def _open(self, name: str) -> State:
        try:
            self._box.folder.set(name)
        except ImapToolsError as error:
            raise NoFolder(name) from error
        state = State(self._number("UIDVALIDITY"), self._number("UIDNEXT"))
        if not state.uidvalidity:
            raise NoFolder(name)
        return state

    def _number(self, name: str) -> int:
        _code, data = self._client.response(name)
        value = data[-1] if data else None
        return int(value) if value and value.isdigit() else 0

    def _search(self, criteria: str) -> list[int]:
        [line] = self._uid("SEARCH", criteria)[:1] or [b""]
        return sorted({int(word) for word in (line or b"").split()})

    def _arrivals(self, uids: Sequence[int]) -> dict[int, datetime]:
        found = {}
        for line in self._fetch(uids, "(UID INTERNALDATE)"):
            uid, at = _UID.search(line), imaplib.Internaldate2tuple(line)
            if uid and at:
                found[int(uid[1])] = datetime(*at[:6]).astimezone(UTC)
        return found

    def _fetch(self, uids: Sequence[int], items: str) -> Iterator[bytes]:
        for chunk in chunked_crop([str(uid) for uid in uids], CHUNK_UIDS):
            yield from (line for line in self._uid("FETCH", ",".join(chunk), items) if line)

    def _part(self, uid: int, item: str) -> bytes | None:
        for found in self._uid("FETCH", str(uid), f"({item})"):
            if isinstance(found, tuple) and b"BODY[" in found[0].upper():
                return bytes(found[1])
        return None

    def _move(self, uids: list[str], folder: str) -> None:
        """MOVE where the server has it. COPY and delete is not one step: a retry may copy again."""
        if "MOVE" in self._client.capabilities:
            self._box.move(uids, folder)
        else:
            self._box.copy(uids, folder)
            self._remove(uids)

    def _remove(self, uids: list[str]) -> None:
        """Without UIDPLUS mail is only marked: EXPUNGE would take what other programs marked
        too."""
        self._store(uids, r"(\Deleted)")
        if "UIDPLUS" in self._client.capabilities:
            self._uid("EXPUNGE", ",".join(uids))

    def _store(self, uids: list[str], flags: str) -> None:
        self._uid("STORE", ",".join(uids), "+FLAGS.SILENT", flags)

    def _uid(self, command: str, *arguments: str) -> list[Any]:
        status, data = self._client.uid(command, *arguments)
        if status != "OK":
            raise imaplib.IMAP4.error(f"{command}: {data!r}"[:200])
        return list(data)
