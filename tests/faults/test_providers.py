"""Providers that tell out of order, think for long or want nothing: what others feel of it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.faults.channels import answered
from tests.faults.desk import entries_of, rows, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helpdesk.sandbox.provider import Reply, Request, Sandbox
    from tests.faults.channels import World
    from tests.faults.stand import Stand

pytestmark = pytest.mark.full
STATES = """
SELECT d.state, count(*) FROM conversations_delivery d JOIN conversations_entry e ON e.id = d.entry_id
WHERE position(%s in e.text) > 0 GROUP BY 1
"""
TOOK = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
  ORDER BY extract(epoch FROM d.sent_at - d.queued_at)::float8)
FROM conversations_delivery d JOIN conversations_entry e ON e.id = d.entry_id
WHERE position(%s in e.text) > 0
"""


def states(stand: Stand, mark: str) -> dict[str, int]:
    return dict(rows(stand, STATES, mark))


def written_to(around: World, kind: str, count: int, mark: str) -> Sandbox:
    """Its stand-in, by which so many customers have written."""
    sandbox = around.of(kind)
    for number in range(count):
        sandbox.says(f"{mark}-{number:02}", sender=sandbox.person(f"+84905{number:06}"))
    until(lambda: len(entries_of(around.stand, f"{mark}-")) == count)
    return sandbox


@contextmanager
def telling_first(sandbox: Sandbox, order: Sequence[str]) -> Iterator[None]:
    """It tells all about a message before it answers that it took it."""
    serve, one_at_a_time = sandbox.serve, threading.Lock()

    def telling(request: Request) -> Reply:
        with one_at_a_time:
            before = len(sandbox.took)
            reply = serve(request)
            for got in sandbox.took[before:]:
                for state in order:
                    sandbox.tells(got.name, state)
        return reply

    sandbox.serve = telling  # type: ignore[method-assign]
    try:
        yield
    finally:
        sandbox.serve = serve  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        ("whatsapp", ("read", "delivered", "sent")),
        ("generic", ("read", "delivered", "sent")),
        ("twilio_sms", ("delivered", "sent")),
    ],
)
def test_receipts_that_overtake_each_other_and_the_answer(
    around: World, kind: str, order: tuple[str, ...]
) -> None:
    """F15. What became of it last stands; no receipt waits for its message any more."""
    stand, mark = around.stand, f"told-first-{kind}"
    with telling_first(written_to(around, kind, 20, f"hears-{kind}"), order):
        answered(stand, 20, mark, kind)
        until(lambda: states(stand, mark) == {order[0]: 20}, seconds=90)
    until(lambda: rows(stand, "SELECT count(*) FROM conversations_earlyreceipt") == [(0,)])


@pytest.mark.parametrize("trouble", ["slow", "busy", "away", "error"])
def test_a_provider_in_trouble_holds_up_no_other(around: World, trouble: str) -> None:
    """F23: one that thinks for 29 s, wants less, is away or fails, for as long as another one's
    answers go out; then it takes what waited, none of it twice."""
    stand = around.stand
    written_to(around, "whatsapp", 40, f"beside-{trouble}")
    ill = written_to(around, "telegram", 60, f"ill-{trouble}")
    answered(stand, 40, f"alone-{trouble}", "whatsapp")
    until(lambda: states(stand, f"alone-{trouble}") == {"sent": 40})
    ill.latency, ill.trouble = (29.0, "") if trouble == "slow" else (0.0, trouble)
    try:
        answered(stand, 60, f"waits-{trouble}", "telegram")
        answered(stand, 40, f"next-to-{trouble}", "whatsapp")
        until(lambda: states(stand, f"next-to-{trouble}") == {"sent": 40})
        waiting = states(stand, f"waits-{trouble}")
        assert waiting.get("queued", 0) > 30, waiting
    finally:
        ill.latency, ill.trouble = 0.0, ""
    until(
        lambda: set(states(stand, f"waits-{trouble}")) <= {"sent", "delivered", "ambiguous"},
        seconds=300,
    )
    taken = [got.text for got in ill.took if f"waits-{trouble}" in got.text]
    assert len(taken) == len(set(taken))
    print(f"{trouble}: half and 95 % of the others' sends, s")
    for mark in (f"alone-{trouble}", f"next-to-{trouble}"):
        print(f"  {mark:<20} {rows(stand, TOOK, mark)[0][0]}")
    print(f"  those that waited: {states(stand, f'waits-{trouble}')}")
