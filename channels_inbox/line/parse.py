"""Calls of the LINE Messaging API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, Media, other
from channels_inbox.payloads import moment, obj, place, read_list, text

if TYPE_CHECKING:
    from channels_inbox.calls import Call

KINDS: Final = {
    "message": Kind.MESSAGE,
    "messageEdited": Kind.EDIT,
    "unsend": Kind.DELETE,
    "postback": Kind.POSTBACK,
}


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    whole, events = read_list(call.body, "events")
    account = text(whole, "destination")
    return [_event(one, account) for one in events]


def _event(event: dict[str, Any], account: str) -> Event:
    name, source = text(event, "type"), obj(event, "source")
    sender = text(source, "userId")
    who: dict[str, Any] = {
        "sender": sender,
        "conversation": text(source, "groupId") or text(source, "roomId") or sender,
        "account": account,
        "event_id": text(event, "webhookEventId"),
        "occurred_at": moment(event, "timestamp"),
    }
    kind = KINDS.get(name)
    if kind is None:
        return other(name or "empty", **who)
    if kind is Kind.DELETE:
        return Event(kind, message_id=text(event, "unsend", "messageId"), **who)
    if kind is Kind.POSTBACK:
        return Event(kind, payload=text(event, "postback", "data"), **who)
    return _message(kind, obj(event, "message"), who)


def _message(kind: Kind, message: dict[str, Any], who: dict[str, Any]) -> Event:
    """A sticker's text is a description by LINE, not the customer's words."""
    is_text = text(message, "type") == "text"
    return Event(
        kind,
        message_id=text(message, "id"),
        text=text(message, "text") if is_text else "",
        attachments=() if is_text else (_media(message),),
        reply_to=text(message, "quotedMessageId"),
        **who,
    )


def _media(message: dict[str, Any]) -> Media:
    return Media(
        text(message, "type") or "unknown",
        id=text(message, "id"),
        url=text(message, "contentProvider", "originalContentUrl"),
        name=text(message, "fileName") or text(message, "title"),
        text=place(message) or text(message, "text"),
    )
