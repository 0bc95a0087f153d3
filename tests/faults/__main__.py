"""`python -m tests.faults`: one run with its report. The exit status is 1 when it is not clean."""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path

from tests.faults.plan import KILLABLE, Plan
from tests.faults.run import rendered, run
from tests.faults.stand import ROOT


def main() -> int:
    # So that what was started is stopped and what was written is removed.
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(1))
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--small", action="store_true", help="the gate's profile")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mails", type=int)
    parser.add_argument("--replies", type=int)
    parser.add_argument("--rate", type=float, help="mails a second")
    parser.add_argument("--reply-rate", type=float, help="replies a second")
    parser.add_argument("--kills", type=int, help="at most so many; 0 is no limit")
    parser.add_argument("--victims", nargs="*", choices=KILLABLE, help="what is killed")
    parser.add_argument("--flush-every", type=float, help="seconds between two FLUSHALL")
    parser.add_argument("--keep", type=Path, help="folder for ledgers and logs")
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout that is run")
    options = vars(parser.parse_args())
    small, seed = options.pop("small"), options.pop("seed")
    keep, root = options.pop("keep"), options.pop("root")
    plan = Plan.small(seed) if small else Plan(seed=seed)
    given = {name: value for name, value in options.items() if value is not None}
    if "victims" in given:
        given["victims"] = tuple(given["victims"])
    verdict = run(replace(plan, **given), keep, root)
    print(rendered(verdict))
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
