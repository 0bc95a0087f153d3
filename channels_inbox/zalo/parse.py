"""Calls of a Zalo Official Account: one event in each, told by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, Media, other
from channels_inbox.payloads import moment, obj, objs, place, read_object, text, texts

if TYPE_CHECKING:
    from channels_inbox.calls import Call

# By what the name of an event begins with: Zalo adds new kinds of messages again and again.
BY_CUSTOMER: Final = ("user_send_", "anonymous_send_", "user_asking_product")
BY_US: Final = ("oa_send_",)
RECEIPTS: Final = {"user_received_message", "user_seen_message"}
REACTIONS: Final = {"user_reacted_message", "oa_reacted_message"}
CALLS: Final = ("user_call_oa", "oa_call_user", "oa_call_status", "user_call_status")


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    return _events(read_object(call.body))


def _events(event: dict[str, Any]) -> list[Event]:
    name, message = text(event, "event_name"), obj(event, "message")
    who = _who(event, from_us=name.startswith("oa_"))
    message_id = text(message, "msg_id")
    if name.startswith(BY_CUSTOMER):
        return [_message(Kind.MESSAGE, message, who)]
    if name.startswith(BY_US):
        return [_message(Kind.ECHO, message, who)]
    if name in REACTIONS:
        return [Event(Kind.REACTION, message_id=message_id, emoji=_icon(message), **who)]
    if name in RECEIPTS:
        return _receipts(name, event)
    if name.startswith(CALLS):
        return [_call(event, who)]
    return [other(name or "empty", **who)]


def _receipts(name: str, event: dict[str, Any]) -> list[Event]:
    """Told of a message of ours: its sender is the OA, its recipient who got or saw it."""
    who = _who(event, from_us=True)
    who["sender"] = who["conversation"]
    message = obj(event, "message")
    names = texts(message, "msg_ids") or [text(message, "msg_id")]
    if name == "user_seen_message":
        return [Event(Kind.READ, message_id=one, **who) for one in names]
    return [Event(Kind.STATUS, message_id=one, status="delivered", **who) for one in names]


def _who(event: dict[str, Any], *, from_us: bool) -> dict[str, Any]:
    """The id of an anonymous visitor holds within one conversation only."""
    sender = text(event, "sender", "id") or text(event, "follower", "id")
    recipient = text(event, "recipient", "id") or text(event, "oa_id")
    customer, account = (recipient, sender) if from_us else (sender, recipient)
    thread = text(event, "message", "conversation_id") or text(event, "group_id")
    return {
        "sender": sender,
        "conversation": thread or customer,
        "account": account,
        "occurred_at": moment(event, "timestamp"),
    }


def _message(kind: Kind, message: dict[str, Any], who: dict[str, Any]) -> Event:
    return Event(
        kind,
        message_id=text(message, "msg_id"),
        text=text(message, "text"),
        attachments=tuple(_media(one) for one in objs(message, "attachments")),
        reply_to=text(message, "quote_msg_id"),
        **who,
    )


def _media(attachment: dict[str, Any]) -> Media:
    payload = obj(attachment, "payload")
    return Media(
        text(attachment, "type") or "unknown",
        id=text(payload, "id"),
        url=text(payload, "url") or text(payload, "thumbnail"),
        name=text(payload, "name") or text(payload, "title"),
        content_type=text(payload, "type"),
        text=place(obj(payload, "coordinates")) or text(payload, "description"),
    )


def _icon(message: dict[str, Any]) -> str:
    """Zalo writes its reactions as signs such as `/-heart`; a taken back one is empty."""
    return text(message, "react_icon")


def _call(event: dict[str, Any], who: dict[str, Any]) -> Event:
    call = obj(event, "call") or event
    status = text(call, "status") or text(event, "event_name")
    return Event(Kind.CALL, call_id=text(call, "call_id"), status=status, **who)
