"""What is in a Telegram message, and which ones nobody wrote."""

from __future__ import annotations

from typing import Any, Final

from channels_inbox.events import Media
from channels_inbox.payloads import obj, objs, place, text
from channels_inbox.telegram import files, rich

# For the sake of older programs an animation is a document too, a live photo a photo, and a venue
# a location.
FILES: Final = (
    *("animation", "audio", "document", "sticker", "video", "video_note", "voice", "live_photo"),
)
# What people write or send; a message with none of these tells of something that happened.
WRITTEN: Final = {
    *FILES,
    *("text", "caption", "photo", "paid_media", "contact", "location", "venue"),
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
    *("caption_entities", "show_caption_above_media", "has_media_spoiler", "is_paid_post"),
    *("suggested_post_info", "reply_to_checklist_task_id", "reply_to_poll_option_id"),
    *("guest_query_id", "guest_bot_caller_user", "guest_bot_caller_chat"),
    *("receiver_user", "ephemeral_message_id"),
    *("forward_from", "forward_from_chat", "forward_from_message_id", "forward_signature"),
    *("forward_sender_name", "forward_date"),
}


def is_written(message: dict[str, Any]) -> bool:
    return any(_has(message, name) for name in WRITTEN)


def notice(message: dict[str, Any]) -> str:
    """What a message that nobody wrote is about."""
    told = (name for name in message if name not in ABOUT and _has(message, name))
    return next(told, "empty")


def words(message: dict[str, Any]) -> str:
    """What was written, or in words what was sent where there is nothing else to show."""
    poll, checklist = obj(message, "poll"), obj(message, "checklist")
    return (
        text(message, "text")
        or text(message, "caption")
        or rich.words(message)
        or _listed(text(poll, "question"), objs(poll, "options"))
        or _listed(text(checklist, "title"), objs(checklist, "tasks"))
        or " ".join(filter(None, (text(message, "dice", "emoji"), text(message, "dice", "value"))))
        or text(message, "game", "title")
        or text(message, "invoice", "title")
    )


def media(message: dict[str, Any]) -> tuple[Media, ...]:
    for kind in FILES:
        if _has(message, kind):
            return (files.of(kind, obj(message, kind)),)
    if _has(message, "photo"):
        return (files.photo(message),)
    if _has(message, "paid_media"):
        return (Media("paid_media"),)
    if _has(message, "rich_message"):
        return rich.media(message)
    return _nothing_to_fetch(message)


def _nothing_to_fetch(message: dict[str, Any]) -> tuple[Media, ...]:
    contact, venue = obj(message, "contact"), obj(message, "venue")
    if _has(message, "contact"):
        told = (text(contact, word) for word in ("first_name", "last_name", "phone_number"))
        return (Media("contact", text=" ".join(filter(None, told))),)
    if _has(message, "venue"):
        named = ", ".join(filter(None, (text(venue, "title"), text(venue, "address"))))
        return (Media("venue", name=named, text=place(obj(venue, "location"))),)
    if _has(message, "location"):
        return (Media("location", text=place(obj(message, "location"))),)
    return ()


def _has(message: dict[str, Any], name: str) -> bool:
    """An empty object says something: that a topic was closed. Empty lists are by programs between
    Telegram and us that write what isn't there too."""
    return message.get(name) not in (None, False, [])


def _listed(title: str, lines: list[dict[str, Any]]) -> str:
    return "\n".join(filter(None, (title, *(f"- {text(one, 'text')}" for one in lines))))
