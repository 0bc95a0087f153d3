"""Sending by WhatsApp. It takes text and each file as a message of its own, and repeats nothing it
was told before: what of an answer has gone out is written down part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox import outgoing_files, quoting
from channels_inbox.base import SendError
from channels_inbox.whatsapp import approved
from conversations import deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from channels_inbox.whatsapp.api import Api
    from conversations.models import Attachment, Delivery

Told = dict[str, Any]

MOST_CAPTION: Final = 1024
# What shows as more than a file, up to how many bytes.
SHOWN: Final = {
    "image/jpeg": ("image", 5_000_000),
    "image/png": ("image", 5_000_000),
    "video/mp4": ("video", 16_000_000),
    "video/3gpp": ("video", 16_000_000),
    "audio/aac": ("audio", 16_000_000),
    "audio/amr": ("audio", 16_000_000),
    "audio/mpeg": ("audio", 16_000_000),
    "audio/mp4": ("audio", 16_000_000),
    "audio/ogg": ("audio", 16_000_000),
}


def send(api: Api, delivery: Delivery, handing_over: Callable[[], None]) -> str:
    """The name of the first message. Parts that went out before are not sent again. Raises
    SendError and SendUnknown."""
    done: list[str] = list(delivery.payload.get(deliveries.PARTS, []))
    wanted = list(parts(delivery))
    for number, part in enumerate(wanted):
        if any(done[number : number + 1]):
            continue
        whole = {**_head(delivery), **_filled(api, part), **_tail(delivery, number, len(wanted))}
        done[number : number + 1] = [api.send(whole, handing_over)]
        deliveries.went(delivery, done)
    return done[0]


def parts(delivery: Delivery) -> Iterator[Told]:
    """A template; or the text, under the first file where that has room for it."""
    payload, entry = delivery.payload, delivery.entry
    if payload.get("template"):
        yield approved.message(payload["template"], payload.get("values") or {})
        return
    files = outgoing_files.of(entry)
    kinds = [_kind(row) for row in files]
    under = bool(files) and len(entry.text) <= MOST_CAPTION and kinds[0] != "audio"
    if not under:
        yield {"type": "text", "text": {"body": entry.text, "preview_url": True}}
    for number, (row, kind) in enumerate(zip(files, kinds, strict=True)):
        caption = {"caption": entry.text} if under and not number else {}
        name = {"filename": row.filename} if kind == "document" else {}
        yield {"type": kind, kind: {**caption, **name}, "file": row}


def token_of(payload: str) -> tuple[str, bool]:
    """Our own name of a message out of what a status repeats, and whether it is not the last of
    several."""
    token, _colon, rest = payload.partition(":")
    number, _of, count = rest.partition("/")
    return token, number != count


def _kind(row: Attachment) -> str:
    kind, most = SHOWN.get(row.content_type, ("document", 0))
    return kind if row.size <= most else "document"


def _filled(api: Api, part: Told) -> Told:
    """With its file left at Meta."""
    row = part.get("file")
    if row is None:
        return part
    kind = part["type"]
    name = api.upload(row.filename, outgoing_files.content(row), row.content_type)
    return {"type": kind, kind: {"id": name, **part[kind]}}


def _head(delivery: Delivery) -> Told:
    """A number is written to as one; people who hide theirs have an id within our business."""
    value = delivery.identity.value
    if not value.startswith("+") and "." not in value:
        raise SendError("address", value, permanent=True)
    whom = {"to": value} if value.startswith("+") else {"recipient": value}
    return {"messaging_product": "whatsapp", "recipient_type": "individual", **whom}


def _tail(delivery: Delivery, number: int, count: int) -> Told:
    """Statuses repeat our own name of it, by which one is known though its answer got lost."""
    token = f"{delivery.entry.client_token}:{number + 1}/{count}"
    cited = quoting.name_of(delivery) if number == 0 else ""
    context = {"context": {"message_id": cited}} if cited else {}
    return {**context, "biz_opaque_callback_data": token}
