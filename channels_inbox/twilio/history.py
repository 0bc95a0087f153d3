"""A message as Twilio's list of messages has it: the same events as its calls bring."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Event, Kind, Media, whole
from channels_inbox.payloads import at, obj, objs, read_object, text

if TYPE_CHECKING:
    from datetime import datetime

MESSAGE, MEDIA = "message", "media"
INBOUND: Final = "inbound"


def is_ours(body: bytes) -> bool:
    """Whether this is what we kept of the list: JSON, and no form."""
    return body.lstrip()[:1] == b"{"


def read(body: bytes) -> list[Event]:
    """`{"message": resource, "media": [resources]}`. Raises Unreadable."""
    kept = read_object(body)
    message = obj(kept, MESSAGE)
    reader = _message if text(message, "direction") == INBOUND else _status
    return [whole(reader(message, objs(kept, MEDIA)))]


def sent_at(message: dict[str, Any]) -> datetime | None:
    """When it was written, as far as the list knows."""
    for name in ("date_sent", "date_created"):
        try:
            return parsedate_to_datetime(text(message, name))
        except ValueError:
            continue
    return None


def _message(message: dict[str, Any], media: list[dict[str, Any]]) -> Event:
    sender = text(message, "from")
    return Event(
        Kind.MESSAGE,
        sender=sender,
        conversation=sender,
        account=text(message, "to"),
        message_id=text(message, "sid"),
        text=text(message, "body"),
        attachments=tuple(_media(one) for one in media),
        occurred_at=sent_at(message),
    )


def _status(message: dict[str, Any], media: list[dict[str, Any]]) -> Event:
    error = (text(message, "error_code"), text(message, "error_message"))
    return Event(
        Kind.STATUS,
        conversation=text(message, "to"),
        account=text(message, "from"),
        message_id=text(message, "sid"),
        status=text(message, "status"),
        reason=" ".join(filter(None, error)),
    )


def _media(media: dict[str, Any]) -> Media:
    content_type = text(media, "content_type")
    family = content_type.partition("/")[0]
    kind = family if family in ("image", "audio", "video") else "file"
    return Media(kind, url=text(media, "url"), content_type=content_type)


def has_media(message: dict[str, Any]) -> bool:
    return text(message, "num_media") not in ("", "0") and bool(at(message, "sid"))
