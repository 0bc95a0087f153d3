"""Events of conversations in Messenger and Instagram, which share one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, Media, other
from channels_inbox.payloads import at, moment, obj, objs, place, text, texts

if TYPE_CHECKING:
    from collections.abc import Callable

ABOUT: Final = {"sender", "recipient", "timestamp"}


def read(event: dict[str, Any]) -> list[Event]:
    for name, reader in READERS.items():
        if isinstance(event.get(name), dict):
            return reader(event, event[name])
    names = [name for name in event if name not in ABOUT]
    return [other(names[0] if names else "empty", **_who(event))]


def _who(event: dict[str, Any]) -> dict[str, Any]:
    sender = text(event, "sender", "id")
    return {"sender": sender, "conversation": sender, "account": text(event, "recipient", "id")}


def _message(event: dict[str, Any], message: dict[str, Any]) -> list[Event]:
    kind, who = Kind.MESSAGE, _who(event)
    if message.get("is_echo"):
        kind = Kind.ECHO
        who |= {"conversation": who["account"], "account": who["sender"]}
    if message.get("is_deleted"):
        return [Event(Kind.DELETE, message_id=text(message, "mid"), **who)]
    return [
        Event(
            kind,
            message_id=text(message, "mid"),
            text=text(message, "text"),
            attachments=tuple(_media(one) for one in objs(message, "attachments")),
            payload=text(message, "quick_reply", "payload"),
            reply_to=text(message, "reply_to", "mid"),
            occurred_at=moment(event, "timestamp"),
            reason="unsupported" if message.get("is_unsupported") else "",
            **who,
        )
    ]


def _media(attachment: dict[str, Any]) -> Media:
    payload = obj(attachment, "payload")
    return Media(
        text(attachment, "type") or "unknown",
        id=text(payload, "sticker_id") or text(payload, "reel_video_id"),
        url=text(payload, "url") or text(attachment, "url"),
        name=text(payload, "title") or text(attachment, "title"),
        text=place(at(payload, "coordinates"), latitude="lat", longitude="long"),
    )


def _edit(event: dict[str, Any], edit: dict[str, Any]) -> list[Event]:
    return [
        Event(
            Kind.EDIT,
            message_id=text(edit, "mid"),
            text=text(edit, "text"),
            occurred_at=moment(event, "timestamp"),
            **_who(event),
        )
    ]


def _postback(event: dict[str, Any], postback: dict[str, Any]) -> list[Event]:
    return [
        Event(
            Kind.POSTBACK,
            message_id=text(postback, "mid"),
            text=text(postback, "title"),
            payload=text(postback, "payload"),
            occurred_at=moment(event, "timestamp"),
            **_who(event),
        )
    ]


def _reaction(event: dict[str, Any], reaction: dict[str, Any]) -> list[Event]:
    """`status` is "react", or "unreact" where a reaction was taken back."""
    return [
        Event(
            Kind.REACTION,
            message_id=text(reaction, "mid"),
            emoji=text(reaction, "emoji"),
            status=text(reaction, "action"),
            occurred_at=moment(event, "timestamp"),
            **_who(event),
        )
    ]


def _delivery(event: dict[str, Any], delivery: dict[str, Any]) -> list[Event]:
    """Where no message is named, all up to the time told are delivered."""
    until = moment(delivery, "watermark")
    return [
        Event(Kind.STATUS, message_id=name, status="delivered", occurred_at=until, **_who(event))
        for name in texts(delivery, "mids") or [""]
    ]


def _read(event: dict[str, Any], read: dict[str, Any]) -> list[Event]:
    """Instagram names the message, Messenger the time until which all are read."""
    until = moment(read, "watermark") or moment(event, "timestamp")
    return [Event(Kind.READ, message_id=text(read, "mid"), occurred_at=until, **_who(event))]


READERS: Final[dict[str, Callable[[dict[str, Any], dict[str, Any]], list[Event]]]] = {
    "message": _message,
    "message_edit": _edit,
    "postback": _postback,
    "reaction": _reaction,
    "delivery": _delivery,
    "read": _read,
}
