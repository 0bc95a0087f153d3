"""Calls of any system that speaks the JSON of our own that README describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, Media, other, whole
from channels_inbox.payloads import iso_moment, obj, objs, read_object, text

if TYPE_CHECKING:
    from channels_inbox.calls import Call

KINDS: Final = {
    "message": Kind.MESSAGE,
    "edit": Kind.EDIT,
    "delete": Kind.DELETE,
    "reaction": Kind.REACTION,
    "receipt": Kind.STATUS,
    "echo": Kind.ECHO,
}
# The bytes of such a file are in the call itself.
ENCLOSED: Final = "enclosed"
MOST_FILES: Final = 20


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    told = read_object(call.body)
    name, sender = text(told, "type"), obj(told, "sender")
    kind = KINDS.get(name)
    if kind is None:
        return [other(name or "empty")]
    who = text(sender, "id")
    event = Event(
        kind,
        sender=who,
        sender_name=text(sender, "name"),
        conversation=text(told, "conversation_id") or who,
        message_id=text(told, "message_id"),
        text=text(told, "text"),
        attachments=tuple(_media(one) for one in objs(told, "attachments")[:MOST_FILES]),
        status=text(told, "status"),
        emoji=text(told, "emoji"),
        reply_to=text(told, "reply_to"),
        payload=text(told, "idempotency_key"),
        reason=text(told, "reason"),
        occurred_at=iso_moment(told, "at"),
    )
    return [whole(event)]


def _media(told: dict[str, Any]) -> Media:
    enclosed = bool(text(told, "base64"))
    return Media(
        "file",
        id=ENCLOSED if enclosed else "",
        url="" if enclosed else text(told, "url"),
        name=text(told, "name"),
        content_type=text(told, "content_type"),
        text="" if enclosed or text(told, "url") else "?",
    )
