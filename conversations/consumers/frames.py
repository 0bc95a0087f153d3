"""What a client may send: small flat JSON with known keys. Everything else ends the connection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

MOST_BYTES: Final = 4096
LARGEST: Final = 2**62

# The type of a value, or the words it may be. A key that ends in "?" may be left out.
Shape = Mapping[str, type | tuple[str, ...]]
Shapes = Mapping[str, Shape]


class BadFrame(Exception):
    """Not a frame we know (4400)."""


def read(text: str | None, shapes: Shapes) -> tuple[str, dict[str, Any]]:
    """What to do and with which values, as "do" and the shape of that name say.

    Raises BadFrame.
    """
    if text is None or len(text.encode()) > MOST_BYTES:
        raise BadFrame
    try:
        told = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadFrame from None
    if not isinstance(told, dict):
        raise BadFrame
    name = told.pop("do", None)
    if not isinstance(name, str) or name not in shapes:
        raise BadFrame
    return name, _checked(told, shapes[name])


def _checked(told: dict[str, Any], shape: Shape) -> dict[str, Any]:
    left = dict(told)
    for key, kind in shape.items():
        name = key.removesuffix("?")
        if name in left:
            if not _fits(left.pop(name), kind):
                raise BadFrame
        elif not key.endswith("?"):
            raise BadFrame
    if left:
        raise BadFrame
    return told


def _fits(value: object, kind: type | tuple[str, ...]) -> bool:
    if isinstance(kind, tuple):
        return value in kind
    if kind is int:
        return type(value) is int and 0 <= value < LARGEST
    return type(value) is kind


def _refuse(constant: str) -> NoReturn:
    raise BadFrame
