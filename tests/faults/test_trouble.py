"""F23: a provider that thinks for long, wants less, is away or fails, and what others feel of it.
`FAULT_SECONDS` is for how long it does so in the whole run; TRUST asks for 20 minutes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.desk import rows, stalls, until
from tests.faults.stand import ROOT
from tests.faults.test_providers import states, written_to

if TYPE_CHECKING:
    from helpdesk.sandbox.provider import Sandbox
    from tests.faults.channels import World
    from tests.faults.stand import Stand

LONG = float(os.environ.get("FAULT_SECONDS", "1200"))
WELL, ILL = "whatsapp", "telegram"
# Seconds between two answers by each of them, and of the stretch the trouble is compared with.
WELL_EVERY, ILL_EVERY, ALONE = 0.2, 1.0, 60.0
SLOW, RETRY_AFTER, AT_ONCE = 29.0, 7.0, 3
# How many times as long the 95th of a hundred may take as it takes alone; and how many seconds more,
# as the gate's machine does much else beside a few sends.
TIMES, NOISE, NOISE_OF_FEW = 1.2, 0.05, 1.0
TOOK = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
  ORDER BY extract(epoch FROM d.sent_at - d.queued_at)::float8)
FROM conversations_delivery d JOIN conversations_entry e ON e.id = d.entry_id
WHERE position(%s in e.text) > 0
"""
SETTLED = {"sent", "delivered", "ambiguous"}


@pytest.mark.parametrize(
    ("trouble", "seconds", "noise"),
    [
        ("busy", 15.0, NOISE_OF_FEW),
        *(
            pytest.param(trouble, LONG, NOISE, marks=pytest.mark.full)
            for trouble in ("slow", "busy", "away", "error")
        ),
    ],
)
def test_a_provider_in_trouble_holds_up_no_other(
    around: World, trouble: str, seconds: float, noise: float
) -> None:
    """Then it takes what waited, none of it twice."""
    stand, mark = around.stand, f"{trouble}-{seconds:.0f}s"
    written_to(around, WELL, 40, f"beside-{mark}")
    ill = written_to(around, ILL, 60, f"ill-{mark}")
    finished(writing(stand, min(seconds, ALONE), f"alone-{mark}", WELL, WELL_EVERY))
    until(lambda: states(stand, f"alone-{mark}").keys() == {"sent"})
    asked, began = sends(ill), time.monotonic()
    ill.latency, ill.trouble = (SLOW, "") if trouble == "slow" else (0.0, trouble)
    try:
        waiting = writing(stand, seconds, f"waits-{mark}", ILL, ILL_EVERY)
        with stalls() as stalled:
            finished(writing(stand, seconds, f"next-to-{mark}", WELL, WELL_EVERY))
            written = finished(waiting)
            until(lambda: states(stand, f"next-to-{mark}").keys() == {"sent"})
        assert states(stand, f"waits-{mark}")["queued"] > written / 2
        asked, lasted = sends(ill) - asked, time.monotonic() - began
    finally:
        ill.latency, ill.trouble = 0.0, ""
    until(lambda: states(stand, f"waits-{mark}").keys() <= SETTLED, seconds=600)
    taken = [got.text for got in ill.took if f"waits-{mark}" in got.text]
    assert len(taken) == len(set(taken))
    alone, beside = (took(stand, f"{name}-{mark}") for name in ("alone", "next-to"))
    print(f"{trouble} for {seconds:.0f} s, asked {asked} times; the others' sends, half and 95 %:")
    print(f"  alone {alone[0]:.3f} {alone[1]:.3f} s, beside it {beside[0]:.3f} {beside[1]:.3f} s;")
    print(f"  what waited: {states(stand, f'waits-{mark}')}")
    assert beside[1] < TIMES * alone[1] + noise + stalled.seconds
    if trouble == "busy":
        assert asked <= AT_ONCE * (lasted / RETRY_AFTER + 2)


def writing(
    stand: Stand, seconds: float, mark: str, kind: str, every: float
) -> subprocess.Popen[str]:
    """The customers of one kind of channel are answered over and over."""
    told = ("0", str(seconds), mark, kind, str(every))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.answering", *told],
        cwd=ROOT,
        env=stand.environment | {"DB_POOL_SIZE": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> int:
    """How many answers it has written."""
    said, _nothing = process.communicate()
    assert process.returncode == 0, said
    return int(said)


def sends(sandbox: Sandbox) -> int:
    return sum(path.endswith("/sendMessage") for path in sandbox.asked)


def took(stand: Stand, mark: str) -> list[float]:
    [(found,)] = rows(stand, TOOK, mark)
    return list(found)
