"""How many tasks of a process do the same work at once."""

from __future__ import annotations

import threading
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")


def at_most(limit: int) -> Callable[[Callable[P, object]], Callable[P, None]]:
    """Only so many threads at one work; a further wake-up is dropped.

    Each kept payload sends a wake-up, and a task goes on until nothing is left. Without a limit a
    backlog would hold all threads, and what else the process does (replies first of all) would
    wait behind it until its own wake-ups expired. What a dropped one meant is found by the tasks at
    work, or by the next sweep.
    """

    def limited(work: Callable[P, object]) -> Callable[P, None]:
        free = threading.BoundedSemaphore(limit)

        @wraps(work)
        def take_turn(*args: P.args, **kwargs: P.kwargs) -> None:
            if free.acquire(blocking=False):
                try:
                    work(*args, **kwargs)
                finally:
                    free.release()

        return take_turn

    return limited
