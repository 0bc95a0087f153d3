"""Files in a Telegram message."""

from __future__ import annotations

from typing import Any

from channels_inbox.events import Media
from channels_inbox.payloads import at, objs, text


def of(kind: str, file: dict[str, Any]) -> Media:
    name, content_type = text(file, "file_name"), text(file, "mime_type")
    return Media(kind, id=text(file, "file_id"), name=name, content_type=content_type)


def photo(holder: dict[str, Any]) -> Media:
    """The largest of its sizes; the last of those that don't tell."""
    sizes = sorted(objs(holder, "photo"), key=_pixels)
    return of("photo", sizes[-1] if sizes else {})


def _pixels(size: dict[str, Any]) -> int:
    width, height = at(size, "width"), at(size, "height")
    return width * height if isinstance(width, int) and isinstance(height, int) else 0
