"""Wall time and processor time, of this process and of others on this machine. Standard library
only."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICK: Final = 1000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """Milliseconds: on the wall, of our own processor time, and of PostgreSQL's (None where it runs
    elsewhere)."""

    wall: float
    cpu: float
    postgres: float | None

    def each(self, count: int) -> dict[str, float | None]:
        postgres = None if self.postgres is None else round(self.postgres / count, 3)
        return {
            "wall_ms": round(self.wall / count, 3),
            "cpu_ms": round(self.cpu / count, 3),
            "postgres_cpu_ms": postgres,
        }


class Stopwatch:
    """Measures from its making on; `helpers` are processes that work for us."""

    def __init__(self, backend: int | None, helpers: Sequence[int] = ()) -> None:
        self._backend, self._helpers = backend, helpers
        self._began = self._now()

    def spent(self) -> Spent:
        wall, cpu, postgres = self._now()
        wall0, cpu0, postgres0 = self._began
        server = None if postgres is None or postgres0 is None else postgres - postgres0
        return Spent(wall - wall0, cpu - cpu0, server)

    def _now(self) -> tuple[float, float, float | None]:
        helpers = sum(processor_ms(pid) or 0 for pid in self._helpers)
        backend = processor_ms(self._backend) if self._backend else None
        return time.perf_counter() * 1000, time.process_time() * 1000 + helpers, backend


def processor_ms(pid: int) -> float | None:
    """Processor time of a process so far; None where it can't be told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) * _TICK


def children_of(pid: int) -> list[int]:
    """Processes that `pid` started and that run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and the worst."""
    ordered = sorted(milliseconds)
    return {
        "p50_ms": round(statistics.median(ordered), 2),
        "p95_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 2),
        "max_ms": round(ordered[-1], 2),
    }
