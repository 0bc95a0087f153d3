"""Time that means the same on a slow machine: beside a piece of work done in the same moment."""

from __future__ import annotations

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
    began = time.process_time()
    found = call()
    spent = time.process_time() - began
    return found, spent / max(1.0, before, _slowness())


def _slowness() -> float:
    began, total = time.process_time(), 0
    for number in range(500_000):
        total += number * number % 7
    return (time.process_time() - began) / USUAL_SECONDS
