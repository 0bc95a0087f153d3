"""Finds the token naming the conversation a mail answers. Whether it is genuine, others check."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_IN_ADDRESS: Final = (
    re.compile(r"[^+@\s]{1,64}\+([a-z2-7]{39})@"),
    re.compile(rf"reply\+({_UUID})@"),
    re.compile(r"reply\+([0-9a-z]{16,64})@"),
    re.compile(r"([0-9a-f]{32})@"),
)
_IN_MESSAGE_ID: Final = (
    re.compile(r"([a-z2-7]{39})\."),
    re.compile(rf"reply\+({_UUID})@"),
    re.compile(rf"(?:account/\d+/)?conversation/({_UUID})(?:/|@)"),
)


def find_thread_token(recipients: Iterable[str], answered_ids: Iterable[str]) -> str | None:
    """The first token in recipients' local parts, else in the Message-IDs answered, else None."""
    return _first(_IN_ADDRESS, recipients) or _first(_IN_MESSAGE_ID, answered_ids)


def _first(patterns: Iterable[re.Pattern[str]], candidates: Iterable[str]) -> str | None:
    lowered = [one.lower() for one in candidates]
    for pattern in patterns:
        for candidate in lowered:
            if match := pattern.match(candidate):
                return match[1]
    return None
