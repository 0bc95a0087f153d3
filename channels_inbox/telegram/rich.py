"""What a rich Telegram message says: headings, lists, tables and files between its paragraphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from channels_inbox.events import Media
from channels_inbox.payloads import clean, obj, place
from channels_inbox.telegram import files

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where the words of a block are, what stands before them and what between several.
WORDS: Final = (
    *(("label", "", ""), ("text", "", ""), ("expression", "", ""), ("alternative_text", "", "")),
    *(("button", "", ""), ("buttons", "", " "), ("summary", "", ""), ("blocks", "\n", "\n")),
    *(("items", "", "\n"), ("cells", "", "\n"), ("row", "", " | ")),
    *(("caption", "\n", ""), ("credit", "\n", "")),
)
FILES: Final = {
    **{kind: kind for kind in ("animation", "audio", "document", "video", "live_photo")},
    "voice_note": "voice",
}


def words(message: dict[str, Any]) -> str:
    """Its lines, none of them empty."""
    told = "".join(one for one in _all(message) if isinstance(one, str))
    return "\n".join(filter(None, map(str.strip, told.splitlines())))


def media(message: dict[str, Any]) -> tuple[Media, ...]:
    return tuple(one for one in _all(message) if isinstance(one, Media))


def _all(message: dict[str, Any]) -> Iterator[str | Media]:
    """Its words and files in their order. Without calls into calls: it may be nested to any
    depth."""
    left: list[Any] = [obj(message, "rich_message")]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield clean(one)
        elif isinstance(one, list):
            left += reversed(one)
        elif isinstance(one, dict):
            yield from _files(one)
            left += reversed(list(_inside(one)))


def _inside(block: dict[str, Any]) -> Iterator[Any]:
    for name, before, between in WORDS:
        inner = block.get(name)
        if not isinstance(inner, str | dict | list):
            continue
        yield " " if name == "blocks" and "label" in block else before
        if between and isinstance(inner, list):
            for number, one in enumerate(inner):
                yield between if number else ""
                yield {"row": one} if name == "cells" else one
        else:
            yield inner


def _files(block: dict[str, Any]) -> Iterator[Media]:
    kind = block.get("type")
    if kind == "photo" and "photo" in block:
        yield files.photo(block)
    elif kind == "map":
        yield Media("location", text=place(obj(block, "location")))
    elif isinstance(kind, str) and kind in FILES and kind in block:
        yield files.of(FILES[kind], obj(block, kind))
