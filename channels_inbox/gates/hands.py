"""What the threads of this process that send have in hand."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hands:
    """At most `most_slow` threads wait for providers that take longer than `slow_after` seconds:
    the others are for those that answer. One thread at a time sits out a rate."""

    def __init__(self, *, slow_after: float, most_slow: int) -> None:
        self._slow_after, self._most_slow = slow_after, most_slow
        self._began: dict[int, float] = {}
        self._waits = threading.Lock()

    @contextmanager
    def busy(self) -> Iterator[None]:
        me = threading.get_ident()
        self._began[me] = time.monotonic()
        try:
            yield
        finally:
            del self._began[me]

    @property
    def too_slow(self) -> bool:
        """Whether no further thread may be given to a slow provider."""
        late = time.monotonic() - self._slow_after
        return sum(began < late for began in list(self._began.values())) >= self._most_slow

    def wait(self, seconds: float) -> bool:
        """False, at once, where another thread waits already."""
        if not self._waits.acquire(blocking=False):
            return False
        try:
            time.sleep(seconds)
        finally:
            self._waits.release()
        return True
