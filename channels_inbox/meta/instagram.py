"""Calls of Instagram: conversations, and comments under posts and live videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, other
from channels_inbox.meta import envelope, messaging
from channels_inbox.payloads import moment, obj, text

if TYPE_CHECKING:
    from channels_inbox.calls import Call

COMMENTS: Final = {"comments", "live_comments"}


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    events: list[Event] = []
    for part in envelope.parts(call.body):
        if part.messaging is not None:
            events += messaging.read(part.messaging)
        else:
            events += _change(part.change or {}, part.account)
    return events


def _change(change: dict[str, Any], account: str) -> list[Event]:
    """A conversation's event may come as a change too: its value then has sender and recipient."""
    field, value = text(change, "field"), obj(change, "value")
    if field in COMMENTS:
        return [_comment(value, account)]
    if obj(value, "sender") and obj(value, "recipient"):
        return messaging.read(value)
    return [other(field or "empty", account=account)]


def _comment(value: dict[str, Any], account: str) -> Event:
    sender = text(value, "from", "id")
    return Event(
        Kind.COMMENT,
        sender=sender,
        conversation=sender,
        message_id=text(value, "id"),
        text=text(value, "text"),
        post_id=text(value, "media", "id"),
        reply_to=text(value, "parent_id"),
        sender_name=text(value, "from", "username"),
        account=account,
        occurred_at=moment(value, "created_time"),
    )
