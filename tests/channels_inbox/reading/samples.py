"""Calls written by us after the providers' public documentation, with the events in them: at least
one for each documented type, and one of a type that doesn't exist."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

Told = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """`events` has, in order, the fields that matter of each event."""

    provider: str
    name: str
    content: Any
    events: tuple[Told, ...]

    @property
    def body(self) -> bytes:
        return as_body(self.content)


def as_body(content: Any) -> bytes:
    """Lists of pairs are forms; all else is JSON."""
    if isinstance(content, list) and content and isinstance(content[0], tuple):
        return urlencode(content).encode()
    return json.dumps(content, ensure_ascii=False).encode()


def with_unknown_fields(content: Any) -> Any:
    """The same, with a field nobody has heard of wherever there is room for one."""
    if isinstance(content, dict):
        grown = {name: with_unknown_fields(value) for name, value in content.items()}
        return grown | {"zz_new": {"zz_newer": [1, None, "x"]}}
    if isinstance(content, list) and content and isinstance(content[0], tuple):
        return [*content, ("ZzNew", "x")]
    if isinstance(content, list):
        return [with_unknown_fields(one) for one in content]
    return content


def message(**fields: Any) -> Told:
    return {"kind": "message", "attachments": [], **fields}


def other(reason: str) -> Told:
    return {"kind": "other", "reason": reason}
