"""What was read a moment ago: a crowd that knocks at one door asks for the same rows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")

SECONDS: Final = 1.0
MOST: Final = 500


class Lately(Generic[K, V]):
    """What `find` told of a key, a second ago at most. What isn't there (None) is asked for each
    time, and so is what raises. What it tells is shared by threads, to be read only."""

    def __init__(self, find: Callable[[K], V | None]) -> None:
        self._find = find
        self._known: dict[K, tuple[float, V]] = {}

    def __call__(self, key: K) -> V | None:
        now = time.monotonic()
        known = self._known.get(key)
        if known is not None and known[0] > now:
            return known[1]
        found = self._find(key)
        if found is not None:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = (now + SECONDS, found)
        return found

    def forget(self, key: K) -> None:
        self._known.pop(key, None)
