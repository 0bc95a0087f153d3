"""Runs the measurements, each in a process of its own, floor, small and large desk in turn, so that
a machine with other things to do slows all of them alike."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from helpdesk.bench.reach import judged
from helpdesk.bench.scratch import SIZE, small_desk

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[[str], None]

ROOT: Final = Path(__file__).resolve().parents[2]
FLOOR_COUNT: Final = 300


class RunFailed(Exception):
    """A measurement ended with an error; the text is what it printed."""


def run(what: str, *, count: int, rounds: int, alone: bool, say: Say) -> dict[str, Any]:
    """Medians over the rounds, of the floor and of each desk, and whether they are within reach.

    `alone` leaves the small desk out.
    """
    given = os.environ["DATABASE_URL"]
    with ExitStack() as stack:
        desks = {"large": given}
        if not alone:
            say("making a small desk to compare with")
            desks["small"] = stack.enter_context(small_desk())
            _manage(desks["small"], "migrate", "-v0")
            _manage(desks["small"], "seed", *SIZE)
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in ("floor", *desks)}
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            found["floor"].append(_json(given, "-m", "helpdesk.bench.floor", str(FLOOR_COUNT)))
            for name, url in desks.items():
                found[name].append(_measured(url, what, count))
    medians = {name: median(some) for name, some in found.items()}
    return {
        "what": what,
        "machine": {"processors": os.cpu_count(), "load": os.getloadavg(), **_platform()},
        "rounds": rounds,
        "count": count,
        **medians,
        "reach": judged(what, medians),
    }


def run_alone(what: str, *, count: int, rounds: int, say: Say) -> dict[str, Any]:
    """Medians over the rounds of what brings its own floor, or needs none."""
    found = []
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        found.append(_measured(os.environ["DATABASE_URL"], what, count))
    medians = median(found)
    return {
        "what": what,
        "machine": {"processors": os.cpu_count(), "load": os.getloadavg(), **_platform()},
        "rounds": rounds,
        "count": count,
        **medians,
        "reach": judged(what, medians),
    }


def median(some: list[dict[str, Any]]) -> dict[str, Any]:
    """Of equally shaped figures, the median of each number."""
    first = some[0]
    return {
        name: median([one[name] for one in some])
        if isinstance(value, dict)
        else _median([one[name] for one in some])
        for name, value in first.items()
    }


def _median(values: list[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return round(statistics.median(numbers), 3) if numbers else None


def _measured(url: str, what: str, count: int) -> dict[str, Any]:
    return _json(url, "manage.py", "bench", what, "--once", "--json", f"--count={count}")


def _manage(url: str, *command: str) -> str:
    return _python(url, "manage.py", *command)


def _json(url: str, *command: str) -> dict[str, Any]:
    last = _python(url, *command).strip().splitlines()[-1]
    figures: dict[str, Any] = json.loads(last)
    return figures


def _python(url: str, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RunFailed(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def _platform() -> dict[str, str]:
    return {"python": platform.python_version(), "system": platform.platform()}
