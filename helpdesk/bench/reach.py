"""What we want to reach, and how far a run is from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

SLOWER_AT_MOST: Final = 1.25


@dataclass(frozen=True)
class Goal:
    """`value` of a run should be at most (or at least) `goal`."""

    name: str
    value: float
    goal: float
    at_least: bool = False

    def told(self) -> dict[str, Any]:
        ok = self.value >= self.goal if self.at_least else self.value <= self.goal
        return {
            "what": self.name,
            "value": round(self.value, 3),
            "goal": self.goal,
            "ok": ok,
        }


PAGES: Final = {
    "inbox_page": (15, 40),
    "conversation_page": (20, 50),
    "search": (20, 60),
    "reply": (15, 40),
}


def judged(what: str, medians: dict[str, Any]) -> list[dict[str, Any]]:
    goals = _ingest(medians) if what == "ingest" else _desk(medians)
    return [goal.told() for goal in goals]


def _ingest(medians: dict[str, Any]) -> list[Goal]:
    floor, large, small = medians["floor"], medians["large"], medians.get("small")
    goals = []
    for kind in ("new", "reply"):
        goals += [
            Goal(f"{kind}: CPU ms of our processes", large[kind]["cpu_ms"], 10),
            Goal(f"{kind}: times the floor", large[kind]["wall_ms"] / floor["wall_ms"], 3),
            Goal(f"{kind}: mails a second", large[kind]["per_second"], 80, at_least=True),
        ]
        if small:
            slower = large[kind]["wall_ms"] / small[kind]["wall_ms"]
            goals.append(Goal(f"{kind}: large against small desk", slower, SLOWER_AT_MOST))
    ratio = large["reply"]["wall_ms"] / large["new"]["wall_ms"]
    return [*goals, Goal("reply against new", ratio, 1.0)]


def _desk(medians: dict[str, Any]) -> list[Goal]:
    large, small = medians["large"], medians.get("small")
    goals = []
    for page, (p50, p95) in PAGES.items():
        goals += [
            Goal(f"{page}: p50 ms", large[page]["p50_ms"], p50),
            Goal(f"{page}: p95 ms", large[page]["p95_ms"], p95),
        ]
    if small:
        slower = large["inbox_page"]["p50_ms"] / small["inbox_page"]["p50_ms"]
        goals.append(Goal("inbox_page: large against small desk", slower, SLOWER_AT_MOST))
    return goals
