"""Anything may happen to a desk, in any order, and the laws hold after each step."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.machine import Desk

GATE = settings(
    max_examples=10,
    stateful_step_count=25,
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.generate],  # shrinking takes minutes; the full profile does it
    suppress_health_check=list(HealthCheck),
)
FULL = settings(
    GATE, max_examples=300, stateful_step_count=40, derandomize=False, phases=list(Phase)
)


class RolledBack(Desk):
    """A desk inside a transaction of its own, which takes everything back at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    def teardown(self) -> None:
        try:
            if self.open and not connection.needs_rollback:
                self.compare_pages()
        finally:
            self._take_back()

    def _take_back(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)


@pytest.mark.django_db
def test_laws_hold_whatever_happens() -> None:
    run_state_machine_as_test(RolledBack, settings=GATE)


@pytest.mark.full
@pytest.mark.timeout(4 * 3600)
@pytest.mark.django_db
def test_laws_hold_whatever_happens_for_long() -> None:
    run_state_machine_as_test(RolledBack, settings=FULL)
