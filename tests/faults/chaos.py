"""Kills and starts again, by a seed, while the load lasts."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.faults.stand import SECOND_SLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.plan import Plan
    from tests.faults.stand import Stand

FREEZE_SECONDS = 17.0
"""Longer than the product's leases."""
FLUSHED = "valkey FLUSHALL"
POSTGRES_ENDS = (signal.SIGKILL, signal.SIGQUIT)


class Chaos:
    """Breaks one process at a time. Runs in the thread of the stand."""

    def __init__(self, stand: Stand, plan: Plan) -> None:
        self.stand, self.plan = stand, plan
        self.chance = random.Random(plan.seed + 3)
        self.done: Counter[str] = Counter()
        self.frozen: tuple[str, float] | None = None
        self.flushed = time.monotonic()
        self.round: list[str] = []

    def run(self, while_: Callable[[], bool]) -> None:
        """Break things until the load is over; then all processes run again."""
        due = time.monotonic() + self.chance.uniform(*self.plan.pause)
        while while_():
            time.sleep(0.05)
            self._thaw()
            self._flush()
            if time.monotonic() >= due and not self._enough():
                self._break(self._next())
                due = time.monotonic() + self.chance.uniform(*self.plan.pause)
        self._thaw(now=True)

    def _next(self) -> str:
        """Each victim once, in whatever order, then again."""
        if not self.round:
            self.round = self.chance.sample(self.plan.victims, len(self.plan.victims))
        return self.round.pop()

    def _enough(self) -> bool:
        if not self.plan.victims:
            return True
        killed = self.done.total() - self.done[FLUSHED]
        return bool(self.plan.kills) and killed >= self.plan.kills

    def _break(self, name: str) -> None:
        if self.frozen and self.frozen[0] == name:
            return
        if name == SECOND_SLOW and self.plan.freeze and self.frozen is None:
            self.stand.freeze(name)
            self.frozen = (name, time.monotonic() + FREEZE_SECONDS)
            self.done[f"{name} frozen"] += 1
            return
        how = self.chance.choice(POSTGRES_ENDS) if name == "postgres" else signal.SIGKILL
        self.stand.kill(name, how)
        self.done[f"{name} {how.name}"] += 1
        time.sleep(self.chance.uniform(0.1, 0.8))
        self.stand.start(name)

    def _thaw(self, *, now: bool = False) -> None:
        if self.frozen and (now or time.monotonic() > self.frozen[1]):
            self.stand.thaw(self.frozen[0])
            self.frozen = None

    def _flush(self) -> None:
        if self.plan.flush_every and time.monotonic() > self.flushed + self.plan.flush_every:
            self.stand.flush()
            self.flushed = time.monotonic()
            self.done[FLUSHED] += 1
