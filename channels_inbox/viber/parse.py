"""Callbacks of the Viber REST Bot API: one event in each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_inbox.events import Event, Kind, Media, other
from channels_inbox.payloads import moment, obj, place, read_object, text

if TYPE_CHECKING:
    from channels_inbox.calls import Call


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    return [_event(read_object(call.body))]


def _event(event: dict[str, Any]) -> Event:
    name = text(event, "event")
    customer = text(event, "sender", "id") or text(event, "user_id") or text(event, "user", "id")
    who: dict[str, Any] = {
        "sender": customer,
        "conversation": text(event, "chat_id") or customer,
        "message_id": text(event, "message_token"),
        "occurred_at": moment(event, "timestamp"),
    }
    if name == "message":
        return _message(obj(event, "message"), who | {"sender_name": text(event, "sender", "name")})
    if name == "seen":
        return Event(Kind.READ, **who)
    if name in ("delivered", "failed"):
        return Event(Kind.STATUS, status=name, reason=text(event, "desc"), **who)
    return other(name or "empty", **who)


def _message(message: dict[str, Any], who: dict[str, Any]) -> Event:
    kind = text(message, "type")
    return Event(
        Kind.MESSAGE,
        text=text(message, "text") or (text(message, "media") if kind == "url" else ""),
        attachments=() if kind == "text" else (_media(kind, message),),
        payload=text(message, "tracking_data"),
        **who,
    )


def _media(kind: str, message: dict[str, Any]) -> Media:
    contact = obj(message, "contact")
    person = " ".join(filter(None, (text(contact, "name"), text(contact, "phone_number"))))
    return Media(
        kind or "unknown",
        id=text(message, "sticker_id"),
        url=text(message, "media"),
        name=text(message, "file_name"),
        text=place(obj(message, "location"), latitude="lat", longitude="lon") or person,
    )
