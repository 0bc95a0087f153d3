"""Calls of Vonage: its Messages API, the older SMS API, and calls by its Voice API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, Media, other
from channels_inbox.payloads import obj, place, read_object, text
from channels_inbox.vonage import sms
from channels_inbox.vonage.parameters import is_json, parameters

if TYPE_CHECKING:
    from channels_inbox.calls import Call

FILES: Final = {"image", "audio", "video", "file", "sticker", "vcard", "contact"}


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    told: dict[str, Any] = read_object(call.body) if is_json(call) else dict(parameters(call))
    if "message_uuid" in told:
        return [_message(told)]
    if "messageId" in told or "message-id" in told:
        return [sms.read(told)]
    if "conversation_uuid" in told or "uuid" in told:
        return [_call(told)]
    return [other(text(told, "type") or "unknown")]


def _message(told: dict[str, Any]) -> Event:
    """Before version 1 an address was an object, and what is in a message lay one step deeper."""
    content = obj(told, "message", "content") or told
    kind = text(told, "message_type") or text(content, "type")
    theirs, ours = _address(told, "from"), _address(told, "to")
    message_id = text(told, "message_uuid")
    if "status" in told:
        return _status(told, message_id, account=theirs, customer=ours)
    who: dict[str, Any] = {"sender": theirs, "conversation": theirs, "account": ours}
    answered = text(told, "context", "message_uuid")
    if not kind:
        return other("no message type", message_id=message_id, **who)
    if kind == "reaction":
        emoji = text(told, "reaction", "emoji")
        return Event(Kind.REACTION, message_id=answered or message_id, emoji=emoji, **who)
    return Event(
        Kind.MESSAGE,
        message_id=message_id,
        text=_words(kind, content),
        attachments=_media(kind, content),
        payload=text(content, "button", "payload") or text(content, "reply", "id"),
        reply_to=answered,
        sender_name=text(told, "profile", "name"),
        **who,
    )


def _status(told: dict[str, Any], message_id: str, *, account: str, customer: str) -> Event:
    error = obj(told, "error")
    told_of_it = (text(error, "code"), text(error, "title") or text(error, "reason"))
    return Event(
        Kind.STATUS,
        conversation=customer,
        account=account,
        message_id=message_id,
        status=text(told, "status"),
        payload=text(told, "client_ref"),
        reason=" ".join(filter(None, told_of_it)),
    )


def _address(told: dict[str, Any], name: str) -> str:
    return text(told, name) or text(told, name, "number") or text(told, name, "id")


def _words(kind: str, content: dict[str, Any]) -> str:
    return (
        text(content, kind, "text")
        or text(content, kind, "title")
        or text(content, kind, "caption")
        or text(content, "text")
    )


def _media(kind: str, content: dict[str, Any]) -> tuple[Media, ...]:
    held = obj(content, kind)
    if kind == "location":
        where = place(held, latitude="lat", longitude="long") or place(held)
        named = ", ".join(filter(None, (text(held, "name"), text(held, "address"))))
        return (Media(kind, name=named, text=where),)
    if kind in FILES:
        return (Media(kind, url=text(held, "url"), name=text(held, "name")),)
    return ()


def _call(told: dict[str, Any]) -> Event:
    """The first call about a phone call asks what to do with it, and names no status."""
    outbound = text(told, "direction") == "outbound"
    theirs, ours = ("to", "from") if outbound else ("from", "to")
    recording = text(told, "recording_url")
    return Event(
        Kind.CALL,
        sender=text(told, theirs),
        conversation=text(told, theirs),
        account=text(told, ours),
        call_id=text(told, "uuid") or text(told, "conversation_uuid"),
        status=text(told, "status") or ("recording" if recording else "ringing"),
        attachments=(Media("recording", url=recording),) if recording else (),
        reason=text(told, "reason") or text(told, "detail"),
    )
