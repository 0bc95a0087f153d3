"""Reading what strangers send: any field may be missing, or of another type than documented."""

from __future__ import annotations

import codecs
import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from channels_inbox.calls import pairs
from channels_inbox.events import Unreadable

if TYPE_CHECKING:
    from channels_inbox.calls import Call

# What a database or a page can't hold: NUL, and halves of surrogate pairs.
_UNFIT: Final = {0: None} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
# No field of a form has a name that begins like this.
_OF_JSON: Final = (b"{", b"[", b'"')


def read_json(body: bytes) -> Any:
    """What isn't UTF-8 in it costs a sign, not the message. Raises Unreadable."""
    try:
        try:
            return json.loads(body)
        except UnicodeDecodeError:
            return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise Unreadable("the body is not JSON") from None


def as_json(value: object) -> bytes:
    """What a provider's list told, to be kept. Half a sign, as of an SMS that was cut, is no UTF-8:
    it costs that sign, and not all that comes after it."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def read_object(body: bytes) -> dict[str, Any]:
    """Raises Unreadable."""
    value = read_json(body)
    if not isinstance(value, dict):
        raise Unreadable("the body is not a JSON object")
    return value


def read_form(call: Call) -> dict[str, str]:
    """The fields of a form, or of the address where nothing was posted; of one that comes twice the
    first. A field without a value is one; a body where none has any is no form. Raises
    Unreadable."""
    body = call.body.removeprefix(codecs.BOM_UTF8)
    try:
        found = pairs(body) if body else call.query()
    except ValueError:
        raise Unreadable("the body is not a form") from None
    if body and (body.lstrip()[:1] in _OF_JSON or not any(value for _name, value in found)):
        raise Unreadable("the body is not a form")
    return {name: clean(value) for name, value in reversed(found)}


def read_list(body: bytes, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An object and the batch in it that goes by this name. Raises Unreadable."""
    whole = read_object(body)
    if not isinstance(whole.get(name), list):
        raise Unreadable(f"the body has no {name}")
    return whole, objs(whole, name)


def at(value: object, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(value: object, *path: str) -> str:
    """What is there, where it is a text or a whole number (as ids often are); else ""."""
    found = at(value, *path)
    if isinstance(found, str):
        return clean(found)
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def number(value: object, *path: str) -> str:
    """A number with or without fraction, as text; else ""."""
    found = at(value, *path)
    if isinstance(found, float):
        return repr(found) if math.isfinite(found) else ""
    return text(found)


def obj(value: object, *path: str) -> dict[str, Any]:
    found = at(value, *path)
    return found if isinstance(found, dict) else {}


def objs(value: object, *path: str) -> list[dict[str, Any]]:
    """The objects of a list. What is no object counts as an empty one: none goes uncounted."""
    found = at(value, *path)
    listed = found if isinstance(found, list) else []
    return [one if isinstance(one, dict) else {} for one in listed]


def texts(value: object, *path: str) -> list[str]:
    found = at(value, *path)
    return [text(one) for one in found] if isinstance(found, list) else []


def clean(value: str) -> str:
    return value.translate(_UNFIT)


def moment(value: object, *path: str) -> datetime | None:
    """A time in seconds or milliseconds since 1970, as a number or as digits."""
    digits = text(value, *path)
    if not (digits.isascii() and digits.isdigit() and 9 <= len(digits) <= 13):
        return None
    return datetime.fromtimestamp(int(digits) / (1000 if len(digits) > 11 else 1), UTC)


def iso_moment(value: object, *path: str) -> datetime | None:
    """A time as 2026-11-22T09:30:00+07:00; one without an offset is none."""
    try:
        found = datetime.fromisoformat(text(value, *path))
    except ValueError:
        return None
    return found if found.tzinfo is not None and 1970 <= found.year < 2100 else None


def place(value: object, *, latitude: str = "latitude", longitude: str = "longitude") -> str:
    """Latitude and longitude as `1.5,2.5`, or ""."""
    found = [number(value, latitude), number(value, longitude)]
    return ",".join(found) if all(found) else ""
