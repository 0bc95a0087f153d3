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
    sorts = {
        "ingest": _ingest,
        "hook": _hook,
        "handoff": _handoff,
        "live": _live,
        "memory": _memory,
        "console": _console,
        "channels": _channels,
    }
    goals = sorts.get(what, _desk)(medians)
    return [goal.told() for goal in goals]


def _live(medians: dict[str, Any]) -> list[Goal]:
    """Two waits: for the bell alone, and for the answer that shows what it told of."""
    goals = []
    for size in (100, 500):
        desk, floor = medians[f"desk_{size}"], medians[f"floor_{size}"]
        goals += [
            Goal(f"{size} sockets, commit to shown: p50 ms", desk["shown"]["p50_ms"], 25),
            Goal(f"{size} sockets, commit to shown: p95 ms", desk["shown"]["p95_ms"], 80),
        ]
        for wait in ("bell", "shown"):
            times = desk[wait]["p50_ms"] / floor[wait]["p50_ms"]
            goals.append(Goal(f"{size} sockets, {wait}: times the floor at p50", times, 3))
    return goals


def _handoff(medians: dict[str, Any]) -> list[Goal]:
    floor, seconds = medians["floor"], medians["assign"]["seconds"]
    card, accept, laws = (medians[name] for name in ("card", "accept", "laws"))
    return [
        Goal("offer to card: p95 ms", card["p95_ms"], 300),
        Goal("offer to card: times the floor at p50", card["p50_ms"] / floor["card"]["p50_ms"], 3),
        Goal("accept, 50 agents, 2,000 open tickets: p95 ms", accept["p95_ms"], 50),
        Goal("1,000 that wait given to 50 agents: s", seconds, 5),
        Goal("laws of what is unresolved: p95 ms", laws["p95_ms"], 200),
    ]


def _memory(medians: dict[str, Any]) -> list[Goal]:
    return [
        Goal("whole product, idle: MiB", medians["idle"]["mib"], 450),
        Goal("whole product, loaded: MiB", medians["loaded"]["mib"], 450),
        Goal("an idle socket: KiB", medians["socket_kib"], 60),
    ]


def _console(figures: dict[str, Any]) -> list[Goal]:
    long = figures["long"]
    return [
        Goal("console scripts by gzip: KiB", figures["js_kib"], 80),
        Goal("console styles by gzip: KiB", figures["css_kib"], 22),
        Goal("switch conversation: p95 ms", figures["switch"]["cold"]["p95_ms"], 150),
        Goal("switch, prefetched: p95 ms", figures["switch"]["prefetched"]["p95_ms"], 60),
        Goal("commit to painted row: p95 ms", figures["painted"]["shown"]["p95_ms"], 300),
        Goal("a row is put in: p95 ms", figures["painted"]["put"]["p95_ms"], 16),
        Goal("long thread, frame: p95 ms", long["frames"]["p95_ms"], 25),
        Goal("long thread, rows at most", long["most_rows"], 320),
        Goal("long thread, to the first: ms", long["to_first_ms"], 400),
        Goal("long thread, to the newest: ms", long["to_newest_ms"], 400),
    ]


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


def _hook(figures: dict[str, Any]) -> list[Goal]:
    calm, flood, drained = figures["calm"], figures["flood"], figures["drained"]
    return [
        *(Goal(f"{sort} at 20/s: p95 ms", calm[sort]["p95_ms"], 15) for sort in ("mail", "chat")),
        Goal("at 300/s: p99 ms", flood["all"]["p99_ms"], 250),
        Goal("answered otherwise than 2xx", calm["refused"] + flood["refused"], 0),
        Goal("not threaded afterwards", drained["not_threaded"], 0),
    ]


def _channels(figures: dict[str, Any]) -> list[Goal]:
    """Two floors: one INSERT, which only keeps a text, and the statements that threading it takes
    (`floor_small`)."""
    one, two, sends = figures["one"], figures["two"], figures["sends"]
    insert, statements = figures["floor"], figures["floor_statements"]
    slower = sends["beside"]["p95_ms"] / sends["alone"]["p95_ms"]
    return [
        Goal("call to shown: p50 ms", figures["shown"]["p50_ms"], 50),
        Goal("one worker: messages a second", one["per_second"], 120, at_least=True),
        *(
            Goal(f"one worker: times the floor ({name})", one["wall_ms"] / floor["wall_ms"], 5)
            for name, floor in (("insert", insert), ("statements", statements))
        ),
        Goal("two workers: times one", two["per_second"] / one["per_second"], 1.6, at_least=True),
        Goal("not threaded", one["not_threaded"] + two["not_threaded"], 0),
        Goal("chat beside a queue of mails: p95 ms", figures["chat"]["p95_ms"], 2000),
        Goal("sends beside a slow provider: p95, times alone", slower, 1.2),
    ]


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
