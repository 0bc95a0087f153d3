"""Mails, calls of providers and answers to both, all at once, while everything is killed: the gate's
run, on a stand that others may have used and may use afterwards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.faults import channels, checker
from tests.faults.chaos import Chaos
from tests.faults.run import await_rest, world

if TYPE_CHECKING:
    from tests.faults.channels import Channels, World
    from tests.faults.checker import Verdict
    from tests.faults.plan import Plan


def run_on(around: World, mails: Plan, calls: Channels) -> Verdict:
    """One run of each on a stand: they are told apart by their marks, which they all use."""
    began, stand, chaos = time.monotonic(), around.stand, Chaos(around.stand, mails)
    with world(stand, mails) as (sender, replier), channels.load(around, calls) as loaded:
        writers = (sender, replier)
        chaos.run(lambda: loaded.goes_on() or any(one.poll() is None for one in writers))
        loaded.end()
        quiet = time.monotonic()
        left = await_rest(stand, mails.patience)
        loaded.forgive()
        drained = time.monotonic() - quiet
    verdict = checker.check(stand.place)
    of_calls = channels.check(around)
    loaded.judge(of_calls)
    verdict.wrong += of_calls.wrong
    verdict.require(not any(left.values()), f"still waiting {mails.patience:.0f} s later: {left}")
    verdict.require(sender.returncode == 0, "a mail was not accepted for too long")
    verdict.require(replier.returncode == 0, "the replier ended with an error")
    verdict.counts |= of_calls.counts | {
        "load s": round(quiet - began, 1),
        "drained s": round(drained, 1),
        "faults": dict(chaos.done),
    }
    return verdict
