"""The comparison finds what it is there to find: each defect below makes a run not clean."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults.checkouts import changed
from tests.faults.stand import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]
LOAD = ("--small", "--mails=60", "--replies=40", "--kills=1")


@pytest.mark.parametrize(
    ("module", "right", "wrong", "complaint"),
    [
        pytest.param(
            "channels_inbox/email/inbound.py",
            "external_id=external_id(mail),\n        sender=",
            'external_id=f"{envelope.pk} {external_id(mail)}",\n        sender=',
            "mails doubled",
            id="each arrival is a message",
        ),
        pytest.param(
            "channels_inbox/views.py",
            "        kept = _keep(",
            "        if len(body) % 4 == 0:\n            return JsonResponse({}, status=202)\n"
            "        kept = _keep(",
            "accepted mails lost",
            id="accepted before it is kept",
        ),
        pytest.param(
            "channels_inbox/deliver.py",
            "partial(deliveries.ambiguous, lease, error=str(unknown))",
            'partial(deliveries.postponed, lease, code="unknown", error=str(unknown))',
            "replies sent twice",
            id="a send is guessed",
        ),
    ],
)
def test_a_seeded_bug_is_found(
    tmp_path: Path, module: str, right: str, wrong: str, complaint: str
) -> None:
    root = changed(tmp_path, module, right, wrong)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", f"--root={root}", *LOAD],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert complaint in done.stdout


def test_an_offer_that_nobody_closes_is_found(tmp_path: Path) -> None:
    root = changed(tmp_path, "conversations/tasks.py", "    handoffs.expire_due()\n", "")
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", f"--root={root}", "--handoffs=20", "--small"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "offers over and open" in done.stdout
