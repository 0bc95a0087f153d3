"""Joining and undoing under writers and readers: no gap, no stale page, no deadlock."""

from __future__ import annotations

import os

import pytest

from tests import builders
from tests.properties.storm import Storm, crossing

pytestmark = pytest.mark.django_db(transaction=True)


def _blow(seconds: float, capsys: pytest.CaptureFixture[str]) -> None:
    storm = Storm(builders.make_cast(), seconds)
    wrong = storm.blow()
    with capsys.disabled():
        print(f"\n{seconds:g} s: {dict(storm.counts)}")
    assert wrong == []
    assert min(storm.counts[what] for what in ("written", "joined", "undone", "asked")) > 0


def test_joins_and_undos_under_writers_and_readers(capsys: pytest.CaptureFixture[str]) -> None:
    _blow(3, capsys)


@pytest.mark.full
def test_joins_and_undos_under_writers_and_readers_for_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _blow(float(os.environ.get("STORM_SECONDS", "30")), capsys)


def test_a_locked_conversation_can_be_referred_to() -> None:
    cast = builders.make_cast()
    one, two = (builders.make_ticket(cast.inbox, f"{n}@example.org") for n in range(2))
    assert crossing(one.conversation_id, two.conversation_id) == []
