"""What is promised under faults. The small runs guard every change; `-m full` runs them whole."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults import everything
from tests.faults.channels import Channels
from tests.faults.handoffs import run as handoffs
from tests.faults.handoffs.plan import HandoffPlan
from tests.faults.plan import Plan
from tests.faults.run import rendered
from tests.faults.stand import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.channels import World
    from tests.faults.stand import Stand


def faults(*arguments: str, keep: Path) -> str:
    """One run in a process of its own; its report, which says CLEAN. Logs are kept in `keep`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", f"--keep={keep}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_nothing_is_lost_or_doubled_while_everything_is_killed(around: World) -> None:
    verdict = everything.run_on(around, Plan.small(), Channels.small())
    print(rendered(verdict))
    assert not verdict.wrong


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_two_thousand_mails_while_everything_is_killed(tmp_path: Path) -> None:
    assert "CLEAN" in faults("--mails=2000", "--replies=500", keep=tmp_path)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_broker_that_forgets_costs_seconds(tmp_path: Path) -> None:
    load = ("--mails=600", "--replies=60", "--rate=8", "--reply-rate=1")
    report = faults(*load, "--flush-every=10", "--victims", keep=tmp_path)
    assert "CLEAN" in report


def test_no_ticket_is_nobodys_while_workers_and_web_are_killed(stand: Stand) -> None:
    verdict = handoffs.run_on(stand, HandoffPlan.small())
    print(rendered(verdict))
    assert not verdict.wrong


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_two_hundred_tickets_go_round_while_workers_and_web_are_killed(tmp_path: Path) -> None:
    assert "CLEAN" in faults("--handoffs=200", "--agents=20", keep=tmp_path)
