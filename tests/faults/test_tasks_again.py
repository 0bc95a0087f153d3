"""F8: a broker that takes working tasks for lost and hands them out again."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.faults import ledger
from tests.faults.checkouts import added
from tests.faults.console import Console
from tests.faults.desk import ends_of, entries_of, rows, until
from tests.faults.plan import Plan
from tests.faults.run import program
from tests.faults.stand import standing
from tests.faults.test_repeats import digest, mail, post_all

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.stand import Stand

IMPATIENT = """
CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] = 5
CELERY_TASK_ACKS_LATE = True
"""
WHOLE = Plan(busy=0.0, breaks_after_dot=0.0, breaks_before_dot=0.0)
TICKETS = """
SELECT t.conversation_id, t.id FROM conversations_ticket t
JOIN conversations_identity i ON i.conversation_id = t.conversation_id
WHERE i.value LIKE 'again%%' ORDER BY t.id
"""


@pytest.mark.parametrize(
    ("count", "seconds"), [(2, 12.0), pytest.param(6, 20.0, marks=pytest.mark.full)]
)
def test_tasks_that_are_handed_out_again_do_nothing_twice(
    tmp_path: Path, count: int, seconds: float
) -> None:
    """Sending takes that long, and after 5 s the broker gives the task to the next one."""
    letters = [mail(960_000 + number, f"again{number}") for number in range(count)]
    slow = replace(WHOLE, answers_after=seconds)
    with standing(added(tmp_path, "helpdesk/settings.py", IMPATIENT)) as stand:
        post_all(stand, [("one", letter.raw) for letter in letters])
        digests = [digest(letter.raw) for letter in letters]
        until(lambda: ends_of(stand, digests) == ["threaded"] * count)
        with program("sink", stand, slow):
            for number, (conversation, ticket) in enumerate(rows(stand, TICKETS)):
                _reply(stand, conversation, ticket, f"This is reply-{960_000 + number}.")
            until(lambda: _states(stand) == ["sent"] * count, seconds=240)
        took = [fact for fact in ledger.read(stand.place.ledger_out) if fact["what"] == "took"]
        assert len(took) == len({fact["mark"] for fact in took}) == count
        assert all(len(entries_of(stand, letter.mark)) == 1 for letter in letters)


def _reply(stand: Stand, conversation: int, ticket: int, text: str) -> None:
    console, token = Console(stand.place.address), uuid.uuid4()
    until(lambda: console.reply(conversation, ticket, text, token) == "ok")


def _states(stand: Stand) -> list[str]:
    return [state for (state,) in rows(stand, "SELECT state FROM conversations_delivery")]
