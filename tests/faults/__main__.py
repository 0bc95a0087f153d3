"""`python -m tests.faults`: one run with its report. The exit status is 1 when it is not clean."""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults import channels
from tests.faults.handoffs import run as handoffs
from tests.faults.handoffs.plan import HandoffPlan
from tests.faults.plan import KILLABLE, Plan
from tests.faults.run import rendered, run
from tests.faults.stand import ROOT


def main() -> int:
    # So that what was started is stopped and what was written is removed.
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(1))
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--handoffs", type=int, metavar="N", help="N tickets handed over, instead of mails"
    )
    parser.add_argument("--agents", type=int, help="who hand them over")
    parser.add_argument("--seconds", type=float, help="of handing over")
    parser.add_argument("--small", action="store_true", help="the gate's profile")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mails", type=int)
    parser.add_argument("--replies", type=int)
    parser.add_argument("--rate", type=float, help="mails a second")
    parser.add_argument("--reply-rate", type=float, help="replies a second")
    parser.add_argument("--kills", type=int, help="at most so many; 0 is no limit")
    parser.add_argument("--victims", nargs="*", choices=KILLABLE, help="what is killed")
    parser.add_argument("--flush-every", type=float, help="seconds between two FLUSHALL")
    parser.add_argument("--channels", action="store_true", help="providers instead of mail")
    parser.add_argument("--steady", action="store_true", help="of providers: nothing is killed")
    parser.add_argument("--calls", type=int, help="of providers")
    parser.add_argument("--answers", type=int, help="to customers of providers")
    parser.add_argument("--keep", type=Path, help="folder for ledgers and logs")
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout that is run")
    options = vars(parser.parse_args())
    small, seed = options.pop("small"), options.pop("seed")
    keep, root = options.pop("keep"), options.pop("root")
    tickets = options.pop("handoffs")
    handing = {name: options.pop(name) for name in ("agents", "seconds")}
    if tickets is not None:
        return handed_over(tickets, handing, small=small, seed=seed, keep=keep, root=root)
    sizes = {name: options.pop(name) for name in ("calls", "answers")}
    make = channels.Channels.small if small else channels.Channels
    if options.pop("steady"):
        make = channels.Channels.steady
    if options.pop("channels"):
        plan_of_calls = _given(make(seed=seed), sizes | {"rate": options["rate"]})
        verdict = channels.run(plan_of_calls)
        print(rendered(verdict))
        return 1 if verdict.wrong else 0
    plan = Plan.small(seed) if small else Plan(seed=seed)
    given = {name: value for name, value in options.items() if value is not None}
    if "victims" in given:
        given["victims"] = tuple(given["victims"])
    verdict = run(replace(plan, **given), keep, root)
    print(rendered(verdict))
    return 1 if verdict.wrong else 0


def handed_over(
    tickets: int, given: dict[str, Any], *, small: bool, seed: int, keep: Path | None, root: Path
) -> int:
    """The other run, with its report."""
    plan = HandoffPlan.small(seed) if small else HandoffPlan(seed=seed)
    told = {name: value for name, value in given.items() if value is not None}
    verdict = handoffs.run(replace(plan, tickets=tickets, **told), keep, root)
    print(rendered(verdict))
    return 1 if verdict.wrong else 0


def _given(plan: channels.Channels, given: dict[str, int | float | None]) -> channels.Channels:
    told: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(plan, **told)


if __name__ == "__main__":
    sys.exit(main())
