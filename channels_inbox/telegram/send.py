"""Sending by a bot. Telegram takes text and each file as a message of its own, and repeats nothing
it was told before: what of an answer has gone out is written down part by part."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from channels_inbox import outgoing_files, quoting
from channels_inbox.base import SendError
from channels_inbox.telegram.api import Api, File
from conversations import deliveries
from conversations.models import Direction, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conversations.models import Attachment, Delivery

MOST_TEXT: Final = 4096
MOST_CAPTION: Final = 1024
MOST_PHOTO_BYTES: Final = 10_000_000
PHOTOS: Final = ("image/jpeg", "image/png")
DONE: Final = "telegram_done"


@dataclass(frozen=True)
class Part:
    """One message of Telegram's."""

    method: str
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)


def send(api: Api, delivery: Delivery, handing_over: Callable[[], None]) -> str:
    """The name of the first message. Parts that went out before are not sent again. Raises
    SendError and SendUnknown."""
    chat = _chat(delivery)
    done: list[str] = list(delivery.payload.get(DONE, []))
    for part in list(parts(delivery.entry))[len(done) :]:
        under = {} if done else _under(delivery)
        told = api.send(part.method, chat | under | part.fields, part.files, handing_over)
        done.append(str(told.get("message_id", "")))
        deliveries.went(delivery, done, under=DONE)
    return name_of(chat.get("business_connection_id", ""), chat["chat_id"], done[0])


def name_of(business: str, chat: str, message: str) -> str:
    """A message's name: Telegram counts them anew in each chat."""
    return ":".join(filter(None, (business, chat, message)))


def parts(entry: Entry) -> Iterator[Part]:
    """A short text goes under the first file, a long one before it, in pieces."""
    text, files = entry.text, outgoing_files.of(entry)
    caption = text if files and len(text) <= MOST_CAPTION else ""
    if not caption:
        for piece in pieces(text):
            yield Part("sendMessage", {"text": piece})
    for number, row in enumerate(files):
        told = {"caption": caption} if caption and not number else {}
        yield _file(row, told)


def pieces(text: str) -> list[str]:
    """Cut where a line or a word ends, if there is such a place in the latter half."""
    found = []
    while len(text) > MOST_TEXT:
        cuts = (text.rfind(mark, MOST_TEXT // 2, MOST_TEXT) for mark in ("\n", " "))
        cut = next((at for at in cuts if at > 0), MOST_TEXT)
        found.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*found, text]


def _file(row: Attachment, told: dict[str, str]) -> Part:
    is_photo = row.content_type in PHOTOS and row.size <= MOST_PHOTO_BYTES
    name = "photo" if is_photo else "document"
    content = outgoing_files.content(row)
    return Part(f"send{name.capitalize()}", told, {name: (row.filename, content, row.content_type)})


def _under(delivery: Delivery) -> dict[str, str]:
    """The message it answers; one that was deleted meanwhile holds up no answer."""
    number = quoting.name_of(delivery).rpartition(":")[2]
    if not number.isdigit():
        return {}
    told = {"message_id": int(number), "allow_sending_without_reply": True}
    return {"reply_parameters": json.dumps(told)}


def _chat(delivery: Delivery) -> dict[str, str]:
    """Where they wrote last: to the bot itself, or to the account it works for."""
    if not delivery.identity.value.isdigit():
        raise SendError("address", delivery.identity.value, permanent=True)
    last = (
        Entry.objects.filter(
            conversation=delivery.conversation_id,
            identity=delivery.identity,
            inbox=delivery.inbox,
            direction=Direction.IN,
        )
        .order_by("-at", "-id")
        .first()
    )
    business = str(last.data.get("business", "")) if last else ""
    chat = {"chat_id": delivery.identity.value}
    return chat | ({"business_connection_id": business} if business else {})
