"""The demo's mailboxes: pymap's in-memory ones, with every change also kept in an SQLite file.

Any address of the domain exists from the moment somebody signs in to it or writes to it.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pymap.backend.dict import Config, Identity, Login, Session
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxData, MailboxSet, Message
from pymap.exceptions import AuthorizationFailure, InvalidAuth, NotSupportedError, UserNotFound
from pymap.flags import FlagOp
from pymap.interfaces.login import IdentityInterface
from pymap.interfaces.message import CachedMessage
from pymap.mime import MessageContent
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import ObjectId
from pymap.parsing.specials.flag import Flag
from pymap.user import UserMetadata
from pysasl.creds.server import ServerCredentials

from helpdesk.demo.mail_store import Store


class KeptMailbox(MailboxData):
    """One folder of one address, read from the store when it is opened."""

    def __init__(self, boxes: "KeptMailboxes", name: str) -> None:
        """Open the folder `name`, creating it where it is new."""
        super().__init__(boxes._content_cache, boxes._thread_cache)
        self.store, self.name = boxes.store, name
        self.store.write(
            "INSERT OR IGNORE INTO mailbox (owner, name, uid_validity, max_uid)"
            " VALUES (?, ?, ?, ?)",
            *(boxes.owner, name, self._uid_validity, self._max_uid),
        )
        [row] = self.store.read(
            "SELECT id, uid_validity, max_uid FROM mailbox WHERE owner = ? AND name = ?",
            *(boxes.owner, name),
        )
        self.id, self._uid_validity, self._max_uid = row
        for uid, at, flags, raw in self.store.read(
            "SELECT uid, at, flags, raw FROM message WHERE mailbox = ? ORDER BY uid", self.id
        ):
            self._restore(uid, at, flags, raw)

    def _restore(self, uid: int, at: str, flags: str, raw: bytes) -> None:
        content = MessageContent.parse(raw)
        self._messages[uid] = Message(
            uid,
            datetime.fromisoformat(at),
            [Flag(flag.encode()) for flag in flags.split()],
            email_id=self._content_cache.add(content),
            thread_id=self._thread_cache.add(content),
            content=content,
        )
        self._mod_sequences.update([uid])

    def _keep(self, message: Message, raw: bytes) -> None:
        with self.store.connection as connection:
            connection.execute(
                "INSERT INTO message (mailbox, uid, at, flags, raw) VALUES (?, ?, ?, ?, ?)",
                (self.id, message.uid, message.internal_date.isoformat(), words(message), raw),
            )
            connection.execute(
                "UPDATE mailbox SET max_uid = ? WHERE id = ?", (self._max_uid, self.id)
            )

    async def append(self, append_msg: AppendMessage, *, recent: bool = False) -> Message:
        """Add a message, byte for byte."""
        message = await super().append(append_msg, recent=recent)
        self._keep(message, append_msg.literal)
        return message

    async def copy(self, uid: int, destination: MailboxData, *, recent: bool = False) -> int | None:
        """Copy a message; return its UID there, or None where it is gone."""
        copied = await super().copy(uid, destination, recent=recent)
        if copied is not None:
            self._keep_copy(uid, destination, copied)
        return copied

    async def move(self, uid: int, destination: MailboxData, *, recent: bool = False) -> int | None:
        """Move a message; return its UID there, or None where it is gone."""
        moved = await super().move(uid, destination, recent=recent)
        if moved is not None:
            self._keep_copy(uid, destination, moved)
            self.store.write("DELETE FROM message WHERE mailbox = ? AND uid = ?", self.id, uid)
        return moved

    def _keep_copy(self, uid: int, destination: MailboxData, copied: int) -> None:
        assert isinstance(destination, KeptMailbox)
        [row] = self.store.read(
            "SELECT raw FROM message WHERE mailbox = ? AND uid = ?", self.id, uid
        )
        destination._keep(destination._messages[copied], row[0])

    async def update(
        self, uid: int, cached_msg: CachedMessage, flag_set: frozenset[Flag], mode: FlagOp
    ) -> Message:
        """Change the flags of a message."""
        message = await super().update(uid, cached_msg, flag_set, mode)
        self.store.write(
            "UPDATE message SET flags = ? WHERE mailbox = ? AND uid = ?",
            *(words(message), self.id, uid),
        )
        return message

    async def delete(self, uids: Iterable[int]) -> None:
        """Remove messages."""
        gone = list(uids)
        await super().delete(gone)
        for uid in gone:
            self.store.write("DELETE FROM message WHERE mailbox = ? AND uid = ?", self.id, uid)


def words(message: Message) -> str:
    """The flags of a message, separated by blanks."""
    return " ".join(sorted(flag.value.decode() for flag in message.permanent_flags))


class KeptMailboxes(MailboxSet):
    """All folders of one address."""

    def __init__(self, store: Store, owner: str) -> None:
        """Open those the store knows, and INBOX."""
        super().__init__()
        self.store, self.owner = store, owner
        self._inbox = KeptMailbox(self, "INBOX")
        names = self.store.read("SELECT name FROM mailbox WHERE owner = ?", owner)
        self._set = {name: KeptMailbox(self, name) for (name,) in names if name != "INBOX"}

    async def add_mailbox(self, name: str) -> ObjectId:
        """Create a folder; `ValueError` where it exists."""
        if name in self._set or name.upper() == "INBOX":
            raise ValueError(name)
        self._set[name] = box = KeptMailbox(self, name)
        return box.mailbox_id

    async def delete_mailbox(self, name: str) -> None:
        """Remove a folder and what is in it."""
        await super().delete_mailbox(name)
        self.store.write("DELETE FROM mailbox WHERE owner = ? AND name = ?", self.owner, name)

    async def rename_mailbox(self, before: str, after: str) -> None:
        """Refuse: nothing in the demo renames folders."""
        raise NotSupportedError


class Mailboxes(Login):
    """Everybody's mailboxes, behind one known password."""

    def __init__(self, config: Config, store: Store, domain: str, password: str) -> None:
        """Serve every address of `domain`."""
        super().__init__(config)
        self.store, self.domain = store, domain
        self.password = self.config.hash_context.hash(password)
        self.open: dict[str, KeptMailboxes] = {}

    def of(self, address: str) -> KeptMailboxes:
        """The folders of an address; `user+tag@` is the mailbox of `user@`."""
        local, _, domain = address.lower().rpartition("@")
        owner = f"{local.partition('+')[0]}@{domain}"
        if owner not in self.open:
            self.open[owner] = KeptMailboxes(self.store, owner)
        return self.open[owner]

    def serves(self, address: str) -> bool:
        """Whether the address is one of the domain's."""
        local, at, domain = address.lower().rpartition("@")
        return bool(local and at) and domain == self.domain

    async def deliver(self, address: str, raw: bytes) -> None:
        """Put a mail into the INBOX of an address and wake whoever waits for it."""
        inbox = await self.of(address).get_mailbox("INBOX")
        await inbox.append(AppendMessage(raw, datetime.now(UTC)), recent=True)

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        """Check the password; raises `InvalidAuth`."""
        identity = OpenIdentity(credentials.authcid, self, None, frozenset())
        try:
            user = await identity.get()
        except UserNotFound:
            raise InvalidAuth from None
        if not await self._passwords.check_password(user, credentials):
            raise InvalidAuth
        return identity

    async def authorize(self, authenticated: IdentityInterface, authzid: str) -> Identity:
        """Let people be nobody but themselves."""
        if authenticated.name != authzid or not isinstance(authenticated, OpenIdentity):
            raise AuthorizationFailure
        return authenticated


class OpenIdentity(Identity):
    """One address that signed in."""

    login: Mailboxes  # type: ignore[misc]

    async def get(self) -> UserMetadata:
        """The address with the known password; raises `UserNotFound` outside the domain."""
        if not self.login.serves(self.name):
            raise UserNotFound(self.name)
        return UserMetadata(self.config, self.name, password=self.login.password)

    @asynccontextmanager
    async def new_session(self) -> AsyncIterator[Session]:
        """Open the address's folders."""
        yield Session(self.name, self.config, self.login.of(self.name), FilterSet())
