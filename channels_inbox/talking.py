"""Asking the API of a provider, and what it means for us when it doesn't answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from channels_inbox import guard, pulling
from channels_inbox.base import ConnectError, SendError, SendUnknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECONDS: Final = 30.0
LOOK_SECONDS: Final = 10.0
MOST_ANSWER: Final = 5_000_000
MOST_REDIRECTS: Final = 3
LONGEST_REST: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Asked:
    """A request: where, how, and with what."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass(frozen=True)
class Said:
    """What a provider answered. `told` is its JSON object, empty for all else. `rest` is how long
    it wants to be left alone, if it says so."""

    status: int
    told: dict[str, Any]
    rest: timedelta | None = None

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


def hand_over(asked: Asked, handing_over: Callable[[], None]) -> Said:
    """Ask for something that happens each time it is asked for; whoever stops while a connection is
    still made has surely not asked. Raises SendError where the provider surely heard nothing,
    SendUnknown where nobody knows."""
    pulling.let_go()
    try:
        return _ask(asked, SECONDS, handing_over)
    except guard.NotSaid as error:
        text = _("The provider can't be reached: %s") % error
        raise SendError("unreachable", text, permanent=False, away=True) from error
    except guard.HTTPFailed as error:
        text = _("The provider didn't answer. It may have been sent.")
        raise SendUnknown(text) from error


def look(asked: Asked, seconds: float = LOOK_SECONDS) -> Said:
    """Ask for something that changes nothing, or the same again. Raises ConnectError."""
    try:
        return _ask(asked, seconds)
    except guard.HTTPFailed as error:
        text = _("The provider can't be reached: %s") % error
        raise ConnectError("unreachable", text) from error


def fetch(url: str, headers: Mapping[str, str], most_bytes: int) -> bytes:
    """The bytes of a file. Who we are is told to that one server, and not to where it sends us.
    Raises HTTPFailed."""
    for _attempt in range(1 + MOST_REDIRECTS):
        answer = guard.request("GET", url, headers, most_bytes=most_bytes, seconds=SECONDS)
        if answer.status in guard.REDIRECTS and answer.location:
            url, headers = guard.joined(url, answer.location), {}
            continue
        if answer.status != 200:
            raise guard.HTTPFailed(f"the provider answered {answer.status}")
        return answer.body
    raise guard.HTTPFailed("it sends us on and on")


def _ask(asked: Asked, seconds: float, speaking: Callable[[], None] = lambda: None) -> Said:
    answer = guard.request(
        asked.method,
        asked.url,
        asked.headers,
        content=asked.content,
        most_bytes=MOST_ANSWER,
        seconds=seconds,
        speaking=speaking,
    )
    return Said(answer.status, _object(answer.body), _rest(answer.retry_after))


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _rest(words: str) -> timedelta | None:
    """Of seconds; a provider that names a date is asked again as if it had named nothing."""
    if not (words.isascii() and words.isdigit() and len(words) <= 6):
        return None
    return min(timedelta(seconds=int(words)), LONGEST_REST)
