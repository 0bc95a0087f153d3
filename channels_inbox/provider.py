"""What adapters of providers with an API and a hook share: from the events their reader makes to
what the desk is told, and from an admin's settings to a connected account.

A provider is a class of this with a reader, an address, `fetch`, `send` and the three questions
`introduce`, `open_hook` and `check`; README says how to add one.
"""

from __future__ import annotations

import mimetypes
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

import structlog
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy

from channels_inbox import registry, terms, vault
from channels_inbox.apart import Apart
from channels_inbox.base import Head, Ignored, Pulled, Raw, Refused, SendError, Thanks
from channels_inbox.calls import Call
from channels_inbox.email.mime.headers import clean_line
from channels_inbox.events import Event, Kind, Media, Unreadable, other
from channels_inbox.models import Envelope
from channels_inbox.receive import body_of, digest_key
from channels_inbox.refusals import runs_code
from conversations.attachments import safe_name
from conversations.intake import Inbound, InboundFile
from conversations.media import Medium
from conversations.mirrored import Deleted, Echoed, Edited, Reacted, Receipt
from conversations.models import Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from django.utils.functional import _StrPromise

    from channels_inbox.base import Accepted, Check, Letter
    from channels_inbox.models import Account
    from channels_inbox.reader import Reader
    from conversations.customers import Address
    from conversations.mirrored import Change
    from conversations.models import Attachment, Delivery, Entry, Inbox

log = structlog.get_logger(__name__)

LATE_AFTER: Final = timedelta(minutes=2)
PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
HOOK_BYTES: Final = 1_000_000
APART: Final = Apart()


@dataclass(frozen=True)
class Setting:
    """A question of the form of a provider's inbox. The answer to a `secret` one is sealed and
    never shown again; `choices` are (value, label), a `switch` is on or off. `needs_anew` says that
    another answer is another account: secrets are to be written again for it."""

    name: str
    label: _StrPromise | str
    help: _StrPromise | str = ""
    secret: bool = False
    required: bool = True
    initial: str = ""
    choices: tuple[tuple[str, _StrPromise | str], ...] = ()
    switch: bool = False
    rare: bool = False
    needs_anew: bool = False


def price_of_a_text() -> Setting:
    """Asked where messages are charged by the text."""
    return Setting(
        terms.PRICE,
        gettext_lazy("Price of one text"),
        gettext_lazy(
            "As your contract says, such as 0.075 EUR: whoever answers sees beforehand about what"
            " a message costs."
        ),
        required=False,
        rare=True,
    )


def api_address(usual: str) -> Setting:
    """Where the provider's API is; another one is another account, or a stand-in."""
    label = gettext_lazy("Address of the API")
    return Setting("base_url", label, initial=usual, rare=True, needs_anew=True)


class Provider(ABC):
    """`reader` reads and checks the calls, `secret` names what they are checked with. `proof` is
    how sure the provider makes us of who wrote. `makes_secret`: we make the secret of its calls,
    and an admin hands it on; `has_history`: it can be asked for what no call brought; `is_written`:
    messages go out by it."""

    kind: ClassVar[str]
    medium: ClassVar[Medium]
    label: ClassVar[_StrPromise | str]
    queue = "fast"
    sends_by = "slow"
    per_minute: ClassVar[int] = 600
    at_once: ClassVar[int] = 3
    hook_limit = HOOK_BYTES
    thanks: ClassVar[Thanks | None] = None
    reader: ClassVar[Reader]
    secret: ClassVar[str]
    proof: ClassVar[str] = Proof.VERIFIED
    settings: ClassVar[tuple[Setting, ...]]
    icon: ClassVar[str] = "message-circle"
    intro: ClassVar[_StrPromise | str] = ""
    makes_secret: ClassVar[bool] = False
    has_history: ClassVar[bool] = True
    is_written: ClassVar[bool] = True

    def __init_subclass__(cls, **told: Any) -> None:
        """Where no medium is stated, the kind is one of its own."""
        super().__init_subclass__(**told)
        if "kind" in vars(cls) and "medium" not in vars(cls):
            cls.medium = Medium(cls.kind, cls.kind)

    # What comes in

    def verify(self, account: Account, call: Call) -> None:
        """Raises Refused; also where no secret is set."""
        try:
            secret = vault.lately(account.inbox, self.secret)
        except vault.MissingSecret:
            raise Refused from None
        try:
            self.reader.verify(call, secret)
        except Refused:
            # Only a secret that we make is replaced while the other side still has the one before.
            before = vault.before(account.inbox, self.secret) if self.makes_secret else None
            if before is None:
                raise
            self.reader.verify(call, before)

    def greet(self, account: Account, call: Call) -> str | None:
        return None

    def raw(self, call: Call) -> Raw:
        return Raw(source="hook", dedup_key=digest_key(call.body), body=call.body)

    def events(self, body: bytes) -> list[Event]:
        """Raises Unreadable."""
        return self.reader.parse(Call(body))

    def heads(self, body: bytes) -> list[Head]:
        """A lane is whom we talk with, so that an edit never overtakes its message. What can't be
        read is kept all the same: its provider may never tell it again."""
        try:
            found = self.events(body)
        except Unreadable:
            found = []
        except Exception:
            log.exception("payload_not_read", kind=self.kind)
            found = []
        return [
            Head(position, event.conversation or event.sender, event.text[:100])
            for position, event in enumerate(found or [other("empty")])
        ]

    def parse(
        self, envelope: Envelope, body: bytes, position: int, *, by_hand: bool = False
    ) -> Inbound | Ignored | Change:
        events = self.events(body)
        event = events[position] if position < len(events) else other("empty")
        if not by_hand and (reason := self.unwanted(envelope.inbox, event)):
            return Ignored(reason)
        named = replace(event, sender_name=clean_line(event.sender_name))
        return self.told(Arrived(envelope, position, named))

    def read_apart(self, body: bytes) -> None:
        assert self.reader.events is not None
        APART.read(self.reader.events, body)

    def unwanted(self, inbox: Inbox, event: Event) -> str:
        """Why an event isn't for this desk (a word of REASONS in `receive`), or ""."""
        return ""

    @abstractmethod
    def address(self, inbox: Inbox, event: Event) -> Address:
        """Whom we talk with, as the desk knows them."""

    def name(self, event: Event) -> str:
        """A message's name, the same whatever tells of it."""
        return event.message_id

    def quoted(self, event: Event) -> str:
        """The name of the message it answers, or ""."""
        return event.reply_to

    def also(self, inbox: Inbox, event: Event) -> tuple[Address, ...]:
        """Further addresses of whoever wrote, as sure as the one it came from."""
        return ()

    def token(self, arrived: Arrived) -> tuple[str, bool]:
        """Our own name of a message its provider tells of, or "", and whether it is one of several
        and not the last."""
        return str(arrived.envelope.meta.get("token", "")), False

    def meaning(self, code: str) -> str:
        """What a failure means, as adapters call it."""
        return code

    def data(self, event: Event) -> dict[str, Any]:
        """What an entry keeps for later."""
        return {}

    def state(self, event: Event) -> str:
        """How far a message of ours got: sent, delivered, read or failed; "" where it says
        nothing."""
        return event.status

    def told(self, arrived: Arrived) -> Inbound | Ignored | Change:
        event = arrived.event
        if event.kind is Kind.MESSAGE:
            return self._message(arrived)
        if event.kind is Kind.EDIT:
            return Edited(self.name(event), words(event), event.occurred_at)
        if event.kind is Kind.DELETE:
            return Deleted(self.name(event))
        if event.kind is Kind.REACTION:
            who = self.address(arrived.envelope.inbox, event)
            return Reacted(self.name(event), who, event.emoji)
        if event.kind in (Kind.STATUS, Kind.READ):
            return self._receipt(arrived)
        if event.kind is Kind.ECHO:
            return self._echo(arrived)
        return Ignored(f"no_message: {event.reason or event.kind}")

    def _message(self, arrived: Arrived) -> Inbound:
        event, inbox = arrived.event, arrived.envelope.inbox
        return Inbound(
            inbox=inbox,
            external_id=self.name(event),
            sender=replace(self.address(inbox, event), label=event.sender_name),
            proof=self.proof,
            text=words(event),
            occurred_at=event.occurred_at,
            late=arrived.is_late,
            follows_on=True,
            data={"raw": True, **self.data(event)},
            files=arrived.files(),
            also=self.also(inbox, event),
            quotes=self.quoted(event),
        )

    def _echo(self, arrived: Arrived) -> Echoed:
        event = arrived.event
        return Echoed(
            name=self.name(event),
            to=self.address(arrived.envelope.inbox, event),
            text=words(event),
            proof=self.proof,
            occurred_at=event.occurred_at,
            late=arrived.is_late,
            data=self.data(event),
            files=arrived.files(),
            quotes=self.quoted(event),
        )

    def _receipt(self, arrived: Arrived) -> Receipt | Ignored:
        event = arrived.event
        state = self.state(event)
        if not state:
            return Ignored(f"no_message: {event.status or event.kind}")
        code, _space, _words = event.reason.partition(" ")
        token, partial = self.token(arrived)
        failed = state == "failed"
        error = self.failure(event) if failed else ""
        meaning = self.meaning(code) if failed else ""
        return Receipt(self.name(event), state, token, meaning, error, partial)

    def failure(self, event: Event) -> str:
        """Why a message of ours will not arrive, for people."""
        return event.reason

    def threaded(self, entry: Entry) -> None:
        return

    # Files

    def read_file(self, attachment: Attachment) -> bytes:
        """Raises ValueError, IndexError, HTTPFailed and ConnectError."""
        kind, envelope_id, position, index = attachment.source.split(":")
        if kind != "envelope":
            raise ValueError(attachment.source)
        envelope = Envelope.objects.select_related("inbox__account").get(pk=int(envelope_id))
        event = self.events(body_of(envelope))[int(position)]
        return self.fetch(envelope.inbox.account, event.attachments[int(index)])

    def fetch(self, account: Account, media: Media) -> bytes:
        """The bytes of a file. Raises what `read_file` does; also where no files are sent."""
        raise ValueError(media.kind)

    # What goes out

    def prepare(self, delivery: Delivery) -> None:
        return

    @abstractmethod
    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        """Raises SendError where it was surely not sent, SendUnknown where nobody knows."""

    def write(self, inbox: Inbox, letter: Letter) -> None:
        raise SendError("no_letters", letter.to, permanent=True)

    # Its account

    def pull(self, account: Account) -> Pulled:
        return Pulled(0)

    def hears(self, account: Account) -> bool:
        return False

    def hear(self, account: Account) -> Pulled:
        return self.pull(account)

    @abstractmethod
    def check(self, account: Account) -> Sequence[Check]:
        """The lines of "test connection"."""

    def probe(self, account: Account) -> None:
        self.introduce(account)

    def refresh(self, account: Account) -> datetime | None:
        """Most sign-ins last until somebody ends them."""
        return account.expires_at

    @abstractmethod
    def introduce(self, account: Account) -> str:
        """Ask the provider whose account this is: its address, as customers know it. Raises
        ConnectError."""

    def open_hook(self, account: Account) -> None:
        """Tell the provider where to call, once the settings are saved. Raises ConnectError."""
        return

    def is_called(self, account: Account) -> bool:
        """Whether its provider is to call us."""
        return True

    def hook_address(self, inbox: Inbox) -> str:
        return settings.BASE_URL + reverse("hook", args=[self.kind, inbox.public_id])


@dataclass(frozen=True)
class Arrived:
    """One event of an envelope."""

    envelope: Envelope
    position: int
    event: Event

    @property
    def is_late(self) -> bool:
        at = self.event.occurred_at
        return bool(at and self.envelope.received_at - at > LATE_AFTER)

    def files(self) -> tuple[InboundFile, ...]:
        """What has bytes to fetch, each by its place in the envelope."""
        return tuple(
            _file(media, f"envelope:{self.envelope.pk}:{self.position}:{index}")
            for index, media in enumerate(self.event.attachments)
            if media.id or media.url
        )


def providers() -> list[Provider]:
    """Those an admin can connect an inbox to."""
    made: Iterable[object] = map(registry.adapter, registry.kinds())
    return [one for one in made if isinstance(one, Provider)]


def provider_of(kind: str) -> Provider:
    """Raises KeyError for all that is none."""
    made: object = registry.adapter(kind)
    if not isinstance(made, Provider):
        raise KeyError(kind)
    return made


def words(event: Event) -> str:
    """The text of a message with what has no bytes as lines: a place, a person."""
    lines = [event.text] if event.text else []
    for media in event.attachments:
        if not (media.id or media.url) and (told := _in_words(media)):
            lines.append(told)
    return "\n".join(lines)


# For kinds of which providers tell no type.
TYPES: Final[Mapping[str, str]] = {
    "photo": "image/jpeg",
    "image": "image/jpeg",
    "live_photo": "video/mp4",
    "sticker": "image/webp",
    "voice": "audio/ogg",
    "audio": "audio/mpeg",
    "video": "video/mp4",
    "video_note": "video/mp4",
    "animation": "video/mp4",
}


def _file(media: Media, source: str) -> InboundFile:
    content_type = media.content_type or TYPES.get(media.kind, "application/octet-stream")
    suffix = mimetypes.guess_extension(content_type.partition(";")[0].strip()) or ""
    name = safe_name(media.name or f"{media.kind}{suffix}")
    return InboundFile(
        filename=name,
        content_type=content_type,
        size=0,
        source=source,
        inline=content_type in PICTURES,
        refused="runs_code" if runs_code(name) else "",
    )


def _in_words(media: Media) -> str:
    sign = "\N{ROUND PUSHPIN}" if media.kind in ("location", "venue") else ""
    sign = "\N{BUST IN SILHOUETTE}" if media.kind == "contact" else sign
    return " ".join(filter(None, (sign, media.name, media.text))) or f"[{media.kind}]"
