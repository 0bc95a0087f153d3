"""A mail that takes its parser down, in a copy of the product whose parser has that defect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.checkouts import added
from tests.faults.desk import ends_of, entries_of, rows, until
from tests.faults.stand import standing
from tests.faults.test_repeats import digest, mail, post_all

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.full

DEFECT = """

_sound_parse = parse


def parse(raw):
    if b"X-Poison:" in raw:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGSEGV)
    return _sound_parse(raw)
"""


def test_a_poisonous_mail_ends_dead_and_holds_up_nobody(tmp_path: Path) -> None:
    before, after = mail(950_001, "poisoner"), mail(950_003, "poisoner")
    poison = b"X-Poison: yes\r\n" + mail(950_002, "poisoner").raw
    others = [mail(951_000 + number, f"neighbour{number}") for number in range(40)]
    with standing(added(tmp_path, "channels_inbox/email/parse.py", DEFECT)) as stand:
        for raw in (before.raw, poison, after.raw):
            assert post_all(stand, [("one", raw)]) == [202]
        assert set(post_all(stand, [("one", other.raw) for other in others])) == {202}
        digests = [digest(other.raw) for other in (before, after, *others)]
        until(lambda: ends_of(stand, digests) == ["threaded"] * 42, seconds=45)
        assert len(entries_of(stand, after.mark)) == 1
        until(lambda: ends_of(stand, [digest(poison)]) == ["dead"], seconds=240)
        [(raw, reason)] = rows(
            stand,
            "SELECT v.raw, i.reason FROM channels_inbox_item i"
            " JOIN channels_inbox_envelope v ON v.id = i.envelope_id WHERE i.state = 'dead'",
        )
        assert bytes(raw) == poison
        assert "crash" in reason
