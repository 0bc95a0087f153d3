"""A trivial provider whose answers a test says: what it took, what it refuses, whether it reads."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from channels_inbox import accounts, receive, registry
from channels_inbox.base import Accepted, Check, ConnectError, Raw
from channels_inbox.calls import Call, key_of, must_match
from channels_inbox.events import Event, Kind
from channels_inbox.provider import Provider, Setting
from channels_inbox.reader import Reader
from conversations import replies
from conversations.customers import Address
from conversations.models import Entry, Identity
from tests.builders import head_of, make_inbox, outgoing, ticket_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from pytest_django.fixtures import Settings

    from channels_inbox.models import Account
    from conversations.models import Delivery, Inbox, Team
    from tests.builders import Cast


def dove(sender: str, name: str, text: str) -> dict[str, str]:
    return {"from": sender, "id": f"{sender}-{name}", "text": text}


def verify(call: Call, secret: str) -> None:
    key_of(secret)
    must_match(call.header("X-Pigeon"), secret)


def parse(call: Call) -> list[Event]:
    told = json.loads(call.body)
    rows = told if isinstance(told, list) else [told]
    if not Doves.reads or Doves.poison in [row["text"] for row in rows]:
        raise RuntimeError("a defect")
    return [_event(row) for row in rows]


def _event(row: dict[str, str]) -> Event:
    who = row["from"]
    return Event(Kind.MESSAGE, sender=who, conversation=who, message_id=row["id"], text=row["text"])


class Doves(Provider):
    """`answers` are what the next sends meet with; `took` what it was handed; `ends_at` when its
    next sign-in ends."""

    kind = "pigeon"
    label = "Pigeons"
    reader = Reader(verify, parse)
    secret = "ring"
    settings = (Setting("ring", "Ring", secret=True),)
    answers: ClassVar[list[Exception]] = []
    took: ClassVar[list[int]] = []
    is_down: ClassVar[bool] = False
    reads: ClassVar[bool] = True
    poison: ClassVar[str] = "poison"
    ends_at: ClassVar[datetime | None] = None

    @classmethod
    def anew(cls) -> None:
        cls.answers, cls.took, cls.is_down, cls.reads, cls.poison = [], [], False, True, "poison"
        cls.ends_at = None

    def address(self, inbox: Inbox, event: Event) -> Address:
        return Address("pigeon", event.conversation, inbox.public_id)

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Accepted:
        handing_over()
        Doves.took.append(delivery.pk)
        if Doves.answers:
            raise Doves.answers.pop(0)
        return Accepted(f"p{delivery.pk}")

    def introduce(self, account: Account) -> str:
        if Doves.is_down:
            raise ConnectError("unreachable", "down")
        return "loft 1"

    def check(self, account: Account) -> list[Check]:
        return [Check("Feed", True)]

    def refresh(self, account: Account) -> datetime | None:
        self.introduce(account)
        return Doves.ends_at


@contextmanager
def pigeons(settings: Settings, team: Team) -> Iterator[Inbox]:
    """An inbox of this provider, connected."""
    settings.CHANNELS = {**settings.CHANNELS, "pigeon": f"{__name__}.Doves"}
    registry.adapter.cache_clear()
    Doves.anew()
    inbox = make_inbox(team, kind="pigeon", address="loft 1")
    accounts.connect(inbox, {}, {"ring": "seven"})
    yield inbox
    registry.adapter.cache_clear()


def comes(inbox: Inbox, sender: str, text: str) -> None:
    body = json.dumps(dove(sender, text, text)).encode()
    receive.keep(inbox, Raw("hook", receive.digest_key(body), body))


def write(inbox: Inbox, cast: Cast, text: str, **more: Any) -> Entry:
    """A reply of Alice's to somebody new, queued."""
    comes(inbox, f"to {text}", f"for {text}")
    receive.process_waiting("fast")
    identity = Identity.objects.get(kind="pigeon", value=f"to {text}")
    ticket = ticket_of(Entry.objects.filter(identity=identity).latest("at"))
    entry = replies.reply(
        ticket,
        by=cast.alice,
        outgoing=outgoing(identity, inbox, text),
        seen_head=head_of(ticket.conversation_id),
        client_token=uuid.uuid4(),
        **more,
    )
    assert isinstance(entry, Entry)
    return entry
