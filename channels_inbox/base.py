"""The contract of a channel. An adapter knows payloads and the meaning of errors, and nothing of
conversations: `channels_inbox.receive` and `channels_inbox.deliver` are the only callers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from django.utils.functional import _StrPromise

    from channels_inbox.calls import Call
    from channels_inbox.models import Account, Envelope
    from conversations.intake import Inbound
    from conversations.media import Medium
    from conversations.mirrored import Change
    from conversations.models import Attachment, Delivery, Entry, Inbox


class Refused(Exception):
    """A hook's call isn't genuine: wrong or no signature, or no secret is set. Answered 401."""


@dataclass(frozen=True)
class Head:
    """One item of an envelope before it is read: its position, its sender and what it is about, as
    far as a glance tells."""

    position: int
    sender: str
    subject: str = ""


@dataclass(frozen=True)
class Ignored:
    """An item that is no message for the desk, and why (a word of REASONS in `receive`)."""

    reason: str


@dataclass(frozen=True)
class Bounce:
    """One of our messages came back. `names` are the message names it quotes; `external_id` is the
    report's own, by which it is known when it comes a second time."""

    external_id: str
    names: tuple[str, ...]
    recipients: tuple[str, ...]
    reason: str
    temporary: bool


@dataclass(frozen=True)
class Accepted:
    """The provider took the message, under this name. `refused` are further recipients it did not
    take it for: (address, reason)."""

    provider_id: str = ""
    refused: tuple[tuple[str, str], ...] = ()


# What a provider's no can mean beyond this one message. `SIGN_IN` and `BUSY` are about the whole
# account: nothing more is sent by it for a while, and no try is counted. `OPTED_OUT` and `BLOCKED`
# are the customer's own word and stay with the address. `WINDOW` says that the channel takes free
# text only for a time after the customer wrote.
SIGN_IN, BUSY = "token_refused", "busy"
OPTED_OUT, BLOCKED = "opted_out", "blocked"
WINDOW = "window_closed"


class SendError(Exception):
    """It was surely not sent. `permanent` means trying again can't help; `away` that the provider
    is out of order, which says nothing of this message, and wants all to wait for `rest`."""

    def __init__(
        self,
        code: str,
        error: str,
        *,
        permanent: bool,
        retry_after: timedelta | None = None,
        away: bool = False,
        rest: timedelta | None = None,
    ) -> None:
        super().__init__(error)
        self.code, self.error, self.permanent = code, error, permanent
        self.retry_after, self.away, self.rest = retry_after, away, rest

    @property
    def is_the_accounts(self) -> bool:
        return self.code in (SIGN_IN, BUSY)

    @property
    def is_the_customers(self) -> bool:
        return self.code in (OPTED_OUT, BLOCKED)


class SendUnknown(Exception):
    """The connection broke after the message was handed over: it may have been sent."""


class ConnectError(Exception):
    """An account can't be reached or signed in to. `code` is for machines, the text for people."""

    def __init__(self, code: str, error: str) -> None:
        super().__init__(error)
        self.code, self.error = code, error


@dataclass(frozen=True)
class Pulled:
    """What one look at a provider brought: how many payloads were new, and whether it stopped at
    its time limit with more to read."""

    new: int
    more: bool = False


@dataclass(frozen=True)
class Check:
    """One line of "test connection": what was tried, whether it worked, what to do if not."""

    what: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Raw:
    """An inbound payload as it came in: bytes, where from, and what its transport says of it."""

    source: str
    dedup_key: str
    body: bytes
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Letter:
    """Words of the desk itself that belong to no conversation, such as a question whether an
    address is right. Nothing in it is written by a stranger."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True)
class Thanks:
    """What a hook answers once a call is kept, where the provider reads the answer."""

    content_type: str
    body: str


class Adapter(Protocol):
    """`queue` names the workers who thread what came in: "fast" or "slow"; `sends_by` those who
    hand over what goes out: `per_minute` messages of an inbox where an admin says nothing else, and
    `at_once` in hand. `hook_limit` is the largest hook body it takes, in bytes. `thanks` is what
    its hook answers; None for JSON of ours."""

    kind: str
    medium: Medium
    label: _StrPromise | str
    queue: str
    sends_by: str
    per_minute: int
    at_once: int
    hook_limit: int
    thanks: Thanks | None

    def raw(self, call: Call) -> Raw:
        """What to keep of a verified hook call."""

    def verify(self, account: Account, call: Call) -> None:
        """Raises Refused unless these raw bytes were signed for this account."""

    def greet(self, account: Account, call: Call) -> str | None:
        """The answer to a GET by which a provider asks whether a hook is ours; None where there is
        no such question. Raises Refused."""

    def heads(self, body: bytes) -> Sequence[Head]:
        """A bounded glance at a payload: its items and their senders. Never raises."""

    def parse(
        self, envelope: Envelope, body: bytes, position: int, *, by_hand: bool = False
    ) -> Inbound | Bounce | Ignored | Change:
        """Read one item in full. `by_hand`: an agent wants it although it was ignored. May raise;
        the item is then tried again and ends dead."""

    def read_apart(self, body: bytes) -> None:
        """Read a payload whose reader may have ended the worker before this one, where it can do no
        harm. Raises what `parse` is not to meet with."""

    def threaded(self, entry: Entry) -> None:
        """A message got into its conversation; called in the same transaction, for what the channel
        wants to add."""

    def read_file(self, attachment: Attachment) -> bytes:
        """The bytes of a file, from its `source`."""

    def prepare(self, delivery: Delivery) -> None:
        """Give the message its name before the first attempt; called inside the claim's
        transaction. May raise; `send` then says what is wrong."""

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        """Hand one message to the provider. `handing_over` is called right before the step from
        which on it may have been sent, and before each such step of several; what it raises goes
        through, and so do errors of the database. Raises SendError or SendUnknown."""

    def write(self, inbox: Inbox, letter: Letter) -> None:
        """Send a letter from this inbox. Raises SendError or SendUnknown."""

    def pull(self, account: Account) -> Pulled:
        """Read what the provider holds, for less than a minute, as the holder of the account's
        lease. Raises ConnectError."""

    def hears(self, account: Account) -> bool:
        """Whether a question to its provider can stand until there is news."""

    def hear(self, account: Account) -> Pulled:
        """Ask such a question, for less than half a minute, as the holder of the account's lease.
        Raises ConnectError."""

    def check(self, account: Account) -> Sequence[Check]:
        """Try the connection as an admin's test: one line for each step."""

    def probe(self, account: Account) -> None:
        """Ask whether its provider takes messages again, sending none. Raises ConnectError."""

    def refresh(self, account: Account) -> datetime | None:
        """Sign in anew before the sign-in ends. Returns when the new one does, None for never or
        not known. Raises ConnectError."""
