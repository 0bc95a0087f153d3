"""What a window shows and what it tells us: its part of the conversation, fetched and seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F, Max

from channels_inbox.chat import payload, visitors
from conversations import deliveries, public, reach
from conversations.models import (
    RECEIPT_RANK,
    Attachment,
    DeliveryState,
    Direction,
    Entry,
    Identity,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from channels_inbox.chat.config import ChatConfig
    from channels_inbox.chat.models import Visitor
    from conversations.public import Shown

NOTHING: dict[str, Any] = {
    "rev": 0,
    "reset": False,
    "more": False,
    "entries": [],
    "earlier": False,
    "seen_by_us": 0,
}


def rev(visitor: Visitor) -> int:
    """How far its stream goes."""
    stream = stream_of(visitor)
    if stream is None:
        return 0
    return Identity.objects.values_list("public_rev", flat=True).get(pk=stream)


def stream_of(visitor: Visitor) -> int | None:
    """The identity whose stream it shows, None before its first message. The window of a signed
    user shows that user's only, also while it is being settled."""
    if visitor.identity is None or not visitors.is_settled(visitor):
        return None
    return visitor.identity.stream_key


def since(visitor: Visitor, cursor: int, config: ChatConfig) -> dict[str, Any]:
    stream = stream_of(visitor)
    if stream is None:
        return {**NOTHING, "reset": cursor > 0, "ask_email": False}
    shown = public.since(stream, cursor) if cursor else public.newest(stream)
    _fetched(shown)
    return {
        "rev": shown.rev,
        "reset": shown.reset,
        "more": shown.more,
        "entries": _entries(visitor, shown.entries),
        "earlier": shown.earlier,
        "seen_by_us": seen_by_us(shown.family),
        "ask_email": asks_email(visitor, config),
    }


def before(visitor: Visitor, above: UUID) -> dict[str, Any]:
    stream = stream_of(visitor)
    if stream is None:
        return {"entries": [], "earlier": False}
    shown = public.before(stream, above)
    return {"entries": _entries(visitor, shown.entries), "earlier": shown.earlier}


def seen(visitor: Visitor, cursor: int) -> None:
    """It had its stream on screen so far."""
    stream = stream_of(visitor)
    if stream is None:
        return
    cursor = min(cursor, rev(visitor))
    visitors.seen(visitor, cursor)
    deliveries.seen(public.family(stream), DeliveryState.READ, upto=cursor)


def file(visitor: Visitor, public_id: UUID) -> Attachment | None:
    """A file of a message that this window shows."""
    stream = stream_of(visitor)
    if stream is None:
        return None
    return Attachment.objects.filter(
        public_id=public_id,
        entry__identity__in=public.family(stream),
        entry__public_rev__isnull=False,
        entry__withdrawn_at=None,
    ).first()


def asks_email(visitor: Visitor, config: ChatConfig) -> bool:
    """Whether the window should ask where an answer may go once it is closed."""
    identity = visitor.identity
    if not config.ask_email or identity is None or visitor.inbox.goes_on_by_id is None:
        return False
    return not reach.proved_emails(identity.conversation_id)


def seen_by_us(family: Sequence[int]) -> int:
    """The highest public number of the visitor's own messages that an agent had on screen; they are
    those of the identities in its stream."""
    read = Entry.objects.filter(
        identity__in=family,
        public_rev__isnull=False,
        direction=Direction.IN,
        ticket__read_marks__at__gte=F("at"),
    )
    return int(read.aggregate(most=Max("public_rev"))["most"] or 0)


def _entries(visitor: Visitor, rows: Sequence[Entry]) -> list[dict[str, Any]]:
    return [payload.entry(row, visitor.inbox.public_id) for row in rows]


def _fetched(shown: Shown) -> None:
    """The answers in it have reached the window."""
    below = RECEIPT_RANK[DeliveryState.DELIVERED]
    news = [
        row
        for row in shown.entries
        if row.is_outbound and RECEIPT_RANK.get(row.delivery.state, below) < below
    ]
    if news:
        upto = max(row.public_rev or 0 for row in news)
        deliveries.seen(shown.family, DeliveryState.DELIVERED, upto=upto)
