"""A visitor's message as it is kept: JSON of our own, read again by the worker who threads it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from channels_inbox.base import Raw
from channels_inbox.chat import uploads, visitors
from channels_inbox.chat.models import Visitor
from conversations.intake import Inbound

if TYPE_CHECKING:
    from channels_inbox.models import Envelope


@dataclass(frozen=True)
class Said:
    """What a visitor sent: `visitor` and `files` are public ids, `token` their own name of it.
    `name`, `email` and `answers` are what they typed before their first message."""

    visitor: str
    token: str
    text: str
    files: list[str] = field(default_factory=list)
    name: str = ""
    email: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    page: str = ""

    def raw(self) -> Raw:
        """The same message again has the same key, whatever else differs."""
        body = json.dumps(asdict(self), ensure_ascii=False).encode()
        return Raw(source="chat", dedup_key=f"chat:{self.visitor}:{self.token}", body=body)

    @classmethod
    def of(cls, body: bytes) -> Said:
        """Raises ValueError, KeyError or TypeError for other bytes."""
        return cls(**json.loads(body))


def sender(body: bytes) -> str:
    """Whose lane it waits in. Never raises."""
    try:
        return Said.of(body).visitor
    except (ValueError, KeyError, TypeError):
        return ""


def inbound(envelope: Envelope, body: bytes) -> Inbound:
    """As all channels tell it. The visitor is who they are by now: signed in, perhaps. Should that
    have broken off half-way, it is ended here."""
    said = Said.of(body)
    visitor = Visitor.objects.select_related("inbox", "identity").get(
        public_id=said.visitor, inbox=envelope.inbox_id
    )
    if not visitors.is_settled(visitor):
        visitors.settle(visitor)
    return Inbound(
        inbox=envelope.inbox,
        external_id=f"chat:{said.visitor}:{said.token}",
        sender=replace(visitors.address_of(visitor), label=visitor.name or said.name),
        proof=visitors.proof_of(visitor),
        text=said.text,
        follows_on=True,
        also=visitors.emails_of(visitor),
        data=_data(said, visitor),
        files=tuple(uploads.inbound_file(row) for row in uploads.of(visitor, said.files)),
    )


def _data(said: Said, visitor: Visitor) -> dict[str, Any]:
    told: dict[str, Any] = {
        "visitor": said.visitor,
        "token": said.token,
        "page": said.page,
        "claimed": {
            name: value
            for name, value in (("name", said.name), ("email", said.email))
            if value and not visitor.subject
        },
        "answers": said.answers,
    }
    return {name: value for name, value in told.items() if value}
