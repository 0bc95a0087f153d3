"""What is in a Telegram message, and which ones nobody wrote."""

from __future__ import annotations

from typing import Any, Final

from channels_inbox.events import Media
from channels_inbox.payloads import obj, objs, place, text

# For the sake of older programs an animation is a document too, and a venue a location.
FILES: Final = ("animation", "audio", "document", "sticker", "video", "video_note", "voice")
# What people write or send; a message with none of these tells of something that happened.
WRITTEN: Final = {
    *FILES,
    *("text", "caption", "photo", "live_photo", "paid_media", "contact", "location", "venue"),
    *("story", "dice", "game", "poll", "checklist", "invoice", "giveaway", "giveaway_winners"),
    "rich_message",
}
ABOUT: Final = {
    *("message_id", "message_thread_id", "from", "sender_chat", "sender_boost_count"),
    *("sender_business_bot", "date", "business_connection_id", "chat", "forward_origin"),
    *("is_topic_message", "is_automatic_forward", "reply_to_message", "external_reply", "quote"),
    *("reply_to_story", "via_bot", "edit_date", "has_protected_content", "is_from_offline"),
    *("media_group_id", "author_signature", "paid_star_count", "entities", "reply_markup"),
    *("link_preview_options", "effect_id", "direct_messages_topic", "sender_tag"),
}


def is_written(message: dict[str, Any]) -> bool:
    return not WRITTEN.isdisjoint(message)


def notice(message: dict[str, Any]) -> str:
    """What a message that nobody wrote is about."""
    return next((name for name in message if name not in ABOUT), "empty")


def words(message: dict[str, Any]) -> str:
    """What was written, or in words what was sent where there is nothing else to show."""
    poll, checklist = obj(message, "poll"), obj(message, "checklist")
    return (
        text(message, "text")
        or text(message, "caption")
        or _listed(text(poll, "question"), objs(poll, "options"))
        or _listed(text(checklist, "title"), objs(checklist, "tasks"))
        or " ".join(filter(None, (text(message, "dice", "emoji"), text(message, "dice", "value"))))
        or text(message, "game", "title")
        or text(message, "invoice", "title")
    )


def media(message: dict[str, Any]) -> tuple[Media, ...]:
    for kind in FILES:
        if kind in message:
            return (_file(kind, obj(message, kind)),)
    if "photo" in message:
        sizes = objs(message, "photo")
        return (_file("photo", sizes[-1] if sizes else {}),)
    if "live_photo" in message:
        return (_file("live_photo", obj(message, "live_photo")),)
    if "paid_media" in message:
        return (Media("paid_media"),)
    return _nothing_to_fetch(message)


def _nothing_to_fetch(message: dict[str, Any]) -> tuple[Media, ...]:
    contact, venue = obj(message, "contact"), obj(message, "venue")
    if "contact" in message:
        told = (text(contact, word) for word in ("first_name", "last_name", "phone_number"))
        return (Media("contact", text=" ".join(filter(None, told))),)
    if "venue" in message:
        named = ", ".join(filter(None, (text(venue, "title"), text(venue, "address"))))
        return (Media("venue", name=named, text=place(obj(venue, "location"))),)
    if "location" in message:
        return (Media("location", text=place(obj(message, "location"))),)
    return ()


def _file(kind: str, file: dict[str, Any]) -> Media:
    name, content_type = text(file, "file_name"), text(file, "mime_type")
    return Media(kind, id=text(file, "file_id"), name=name, content_type=content_type)


def _listed(title: str, lines: list[dict[str, Any]]) -> str:
    return "\n".join(filter(None, (title, *(f"- {text(one, 'text')}" for one in lines))))
