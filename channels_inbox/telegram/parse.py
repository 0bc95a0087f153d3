"""Updates of the Telegram Bot API: one in each call, and the same ones by long polling."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, other
from channels_inbox.payloads import at, moment, obj, objs, read_object, text, texts
from channels_inbox.telegram import content

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_inbox.calls import Call

SIGNS: Final = {"paid": "\N{WHITE MEDIUM STAR}"}
ANY_SIGN: Final = "\N{SPARKLES}"


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    return read(read_object(call.body))


def read(update: dict[str, Any]) -> list[Event]:
    """The events of one update: only deletions come several at a time."""
    for name, reader in READERS.items():
        if isinstance(update.get(name), dict):
            name_of_it = text(update, "update_id")
            return [replace(one, event_id=name_of_it) for one in reader(update[name])]
    names = [name for name in update if name != "update_id" and update[name] is not None]
    return [_other(names[0], update[names[0]]) if names else other("empty")]


def _other(name: str, value: object) -> Event:
    """All that is no conversation with a customer: inline queries, channels, payments, boosts."""
    sender = text(value, "from", "id") or text(value, "user", "id")
    status = text(value, "new_chat_member", "status")
    return other(name, sender=sender, conversation=text(value, "chat", "id"), status=status)


def _who(message: dict[str, Any]) -> dict[str, Any]:
    """Somebody who writes for a group or a channel is that group or channel."""
    names = (text(message, "from", "first_name"), text(message, "from", "last_name"))
    group = text(message, "sender_chat", "title")
    return {
        "sender": text(message, "from", "id") or text(message, "sender_chat", "id"),
        "sender_name": " ".join(filter(None, names)) or group,
        "conversation": text(message, "chat", "id"),
        "account": text(message, "business_connection_id"),
        "message_id": text(message, "message_id"),
    }


def _message(message: dict[str, Any]) -> list[Event]:
    if not content.is_written(message):
        return [other(content.notice(message), **_who(message))]
    return [_written(Kind.MESSAGE, message)]


def _business_message(message: dict[str, Any]) -> list[Event]:
    """Of an account a bot works for. What isn't by the customer, its owner or a bot wrote."""
    customer = text(message, "chat", "id") if text(message, "chat", "type") == "private" else ""
    by_us = customer and customer != text(message, "from", "id")
    if (by_us or obj(message, "sender_business_bot")) and content.is_written(message):
        return [_written(Kind.ECHO, message)]
    return _message(message)


def _edited(message: dict[str, Any]) -> list[Event]:
    return [_written(Kind.EDIT, message)]


def _written(kind: Kind, message: dict[str, Any]) -> Event:
    answered = obj(message, "reply_to_message")
    # In a forum every message answers the notice that opened its topic.
    answers = "" if "forum_topic_created" in answered else text(answered, "message_id")
    return Event(
        kind,
        text=content.words(message),
        attachments=content.media(message),
        reply_to=answers,
        occurred_at=moment(message, "edit_date") or moment(message, "date"),
        **_who(message),
    )


def _deleted(deleted: dict[str, Any]) -> list[Event]:
    chat, account = text(deleted, "chat", "id"), text(deleted, "business_connection_id")
    return [
        Event(Kind.DELETE, conversation=chat, message_id=name, account=account)
        for name in texts(deleted, "message_ids") or [""]
    ]


def _button(query: dict[str, Any]) -> list[Event]:
    who = _who(obj(query, "message") | {"from": at(query, "from")})
    # Under what somebody sent by our bot where it isn't itself there is only this name.
    who["message_id"] = who["message_id"] or text(query, "inline_message_id")
    pressed = text(query, "data") or text(query, "game_short_name")
    return [Event(Kind.POSTBACK, payload=pressed, **who)]


def _reaction(reaction: dict[str, Any]) -> list[Event]:
    """All reactions one person has on a message now; none when the last one was taken back."""
    who = _who(reaction | {"from": at(reaction, "user"), "sender_chat": at(reaction, "actor_chat")})
    emoji = "".join(map(_sign, objs(reaction, "new_reaction")))
    return [Event(Kind.REACTION, emoji=emoji, occurred_at=moment(reaction, "date"), **who)]


def _sign(reaction: dict[str, Any]) -> str:
    """A picture of somebody's own has no character; without one it would read as taken back."""
    kind = text(reaction, "type")
    return text(reaction, "emoji") or (SIGNS.get(kind, ANY_SIGN) if kind else "")


READERS: Final[dict[str, Callable[[dict[str, Any]], list[Event]]]] = {
    "message": _message,
    "guest_message": _message,
    "edited_message": _edited,
    "business_message": _business_message,
    "edited_business_message": _edited,
    "deleted_business_messages": _deleted,
    "callback_query": _button,
    "message_reaction": _reaction,
}
