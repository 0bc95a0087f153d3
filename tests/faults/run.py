"""One run: load from processes of its own, faults meanwhile, then quiet until all is done, then the
comparison."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import psycopg

from tests.faults import checker, ledger
from tests.faults import plan as plans
from tests.faults.chaos import Chaos
from tests.faults.stand import ROOT, standing
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.checker import Verdict
    from tests.faults.plan import Plan
    from tests.faults.stand import Stand


def run(plan: Plan, keep: Path | None = None, root: Path = ROOT) -> Verdict:
    """Everything, and nothing left running. `keep` is where ledgers and logs are copied to."""
    with standing(root) as stand:
        verdict = run_on(stand, plan)
        if keep:
            _copy(stand, keep)
    verdict.none_of(stand.orphans(), "processes left behind")
    return verdict


def run_on(stand: Stand, plan: Plan) -> Verdict:
    """Load, faults, rest and comparison on a stand where nothing was sent before."""
    began, chaos = time.monotonic(), Chaos(stand, plan)
    with world(stand, plan) as (sender, replier):
        chaos.run(lambda: sender.poll() is None or replier.poll() is None)
        quiet = time.monotonic()
        left = await_rest(stand, plan.patience)
        drained = time.monotonic() - quiet
        verdict = checker.check(stand.place)
    verdict.require(not any(left.values()), f"still waiting {plan.patience:.0f} s later: {left}")
    verdict.require(sender.returncode == 0, "a mail was not accepted for too long")
    verdict.require(replier.returncode == 0, "the replier ended with an error")
    verdict.counts |= {
        "plan": asdict(plan),
        "load s": round(quiet - began, 1),
        "drained s": round(drained, 1),
        "faults": dict(chaos.done),
        "faults in all": chaos.done.total(),
    }
    return verdict


@contextmanager
def world(
    stand: Stand, plan: Plan
) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """The world outside: the provider's sink, customers and agents, each a process of its own."""
    with (
        program("sink", stand, plan),
        program("sender", stand, plan) as sender,
        program("replier", stand, plan) as replier,
    ):
        yield sender, replier


@contextmanager
def program(name: str, stand: Stand, plan: Plan) -> Iterator[subprocess.Popen[bytes]]:
    """A program of ours that knows the plan and nothing of the product's code."""
    path = stand.folder / f"{name}.json"
    plans.save(path, plan, stand.place)
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.faults.{name}", str(path)], cwd=ROOT, env=environment
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def await_rest(stand: Stand, patience: float) -> dict[str, int]:
    """Wait until nothing is left to do; return what still is when patience ends."""
    ends = time.monotonic() + patience
    left = {"everything": 1}
    while time.monotonic() < ends:
        try:
            left = checker.unfinished(stand.place.database_url)
        except psycopg.Error:
            left = {"database down": 1}
        if not any(left.values()) and not _unread(stand):
            return left
        time.sleep(0.25)
    return left


def _unread(stand: Stand) -> bool:
    """Whether mails of the mailbox have not been read yet."""
    sent = {
        fact["mail"]
        for fact in ledger.read(stand.place.ledger_in)
        if fact["by"] == "imap" and fact["status"].startswith("2")
    }
    with psycopg.connect(stand.place.database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM channels_inbox_envelope WHERE source = 'imap'"
        ).fetchone()
    return row is not None and row[0] < len(sent)


def _copy(stand: Stand, keep: Path) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    for path in (*stand.folder.glob("*.json*"), *stand.logs.glob("*.log")):
        (keep / path.name).write_bytes(path.read_bytes())


def rendered(verdict: Verdict) -> str:
    """The report for people, with the numbers as JSON below."""
    lines = ["", "Fault run: " + ("CLEAN" if not verdict.wrong else "NOT CLEAN"), ""]
    for name, value in verdict.counts.items():
        if name != "plan":
            lines.append(f"  {name:<58} {_told(value)}")
    lines += ["", *(f"  WRONG  {complaint}" for complaint in verdict.wrong), ""]
    lines.append(json.dumps({"wrong": verdict.wrong, **verdict.counts}, default=str))
    return "\n".join(lines)


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {count}" for name, count in sorted(value.items())) or "none"
    return str(value)
