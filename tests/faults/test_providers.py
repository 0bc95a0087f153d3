"""F15: providers that tell of a message before they say that they took it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

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

EARLY = "SELECT count(*) FROM conversations_earlyreceipt"
A_DAY_AGO = "UPDATE conversations_earlyreceipt SET at = at - interval '25 hours' RETURNING id"


def states(stand: Stand, mark: str) -> dict[str, int]:
    return dict(rows(stand, STATES, mark))


def answered(stand: Stand, count: int, mark: str, kind: str) -> None:
    """So many customers of one kind of channel are answered, each once, as `<mark>-<number>`."""
    told = (str(count), "60", mark, kind)
    said = stand.run("answering", "-m", "tests.faults.answering", *told)
    assert said.split()[-1] == str(count), said


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
    until(lambda: rows(stand, EARLY) == [(0,)])


def test_a_receipt_of_no_message_is_let_go_after_a_day(around: World) -> None:
    """F15."""
    stand, sandbox = around.stand, written_to(around, "whatsapp", 1, "hears-of-nothing")
    sandbox.tells("wamid.of-nothing", "read")
    until(lambda: rows(stand, EARLY) == [(1,)])
    assert rows(stand, A_DAY_AGO)
    until(lambda: rows(stand, EARLY) == [(0,)])
