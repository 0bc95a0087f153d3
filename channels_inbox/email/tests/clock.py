"""Time that means the same on a slow machine: beside a piece of work done in the same moment."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# What the piece of work takes on a machine of 2024 with nothing else to do.
USUAL_SECONDS = 0.035


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """What the call answers, and its processor time in seconds of a usual machine."""
    before = _slowness()
    found, seconds = spent(call)
    return found, seconds / max(1.0, before, _slowness())


def spent(call: Callable[[], T]) -> tuple[T, float]:
    """What the call answers, and its processor time in seconds of this machine: neither that of
    other threads, nor what it takes to look through all that earlier tests left in memory."""
    gc.freeze()
    try:
        began = time.thread_time()
        found = call()
        return found, time.thread_time() - began
    finally:
        gc.unfreeze()


def _slowness() -> float:
    began, total = time.thread_time(), 0
    for number in range(500_000):
        total += number * number % 7
    return (time.thread_time() - began) / USUAL_SECONDS
