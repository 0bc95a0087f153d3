"""Providers under faults: their own ledgers say what they told us and what they got."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults.channels import WORKERS, World, world
from tests.faults.checkouts import added
from tests.faults.desk import entries_of, rows, until
from tests.faults.stand import ROOT, standing

if TYPE_CHECKING:
    from pathlib import Path


KINDS = ("telegram", "twilio_sms", "whatsapp", "generic")
AN_HOUR_AGO = """
WITH came AS (
  UPDATE channels_inbox_envelope SET received_at = received_at - interval '1 hour'
  WHERE position(%s::bytea in raw) > 0 RETURNING id
)
UPDATE channels_inbox_item i SET received_at = i.received_at - interval '1 hour',
  ended_at = i.ended_at - interval '1 hour' FROM came WHERE i.envelope_id = came.id RETURNING i.id
"""
DEFECT = """

_sound_parse = parse


def parse(call):
    raise RuntimeError("a build with a defect")
"""


def faults(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--channels", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.full
def test_two_thousand_calls_while_everything_is_killed() -> None:
    """F1, F2, F5."""
    assert "CLEAN" in faults()


@pytest.mark.full
def test_what_is_taken_and_not_answered_is_never_sent_twice() -> None:
    """F16, and F17 by the one that takes the same message once: 500 answers, nothing killed."""
    assert "CLEAN" in faults("--steady")


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_an_album_of_somebody_new_is_one_conversation(around: World, kind: str) -> None:
    """F14."""
    calls = [around.of(kind).call_of(f"album-{kind}-{number:02}") for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda call: around.knock(call.url, call.headers, call.body), calls))
    until(lambda: len(entries_of(around.stand, f"album-{kind}-")) == 12)
    in_order = rows(
        around.stand,
        "SELECT e.seq FROM channels_inbox_item i JOIN conversations_entry e ON e.id = i.entry_id"
        " WHERE position(%s in e.text) > 0 AND NOT e.late ORDER BY i.id",
        f"album-{kind}-",
    )
    assert in_order == sorted(in_order)
    found = rows(
        around.stand,
        "SELECT count(DISTINCT conversation_id), count(DISTINCT identity_id), count(*)"
        " FROM conversations_entry WHERE position(%s in text) > 0",
        f"album-{kind}-",
    )
    assert found == [(1, 1, 12)]


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_call_a_hundred_times_at_once(around: World, kind: str) -> None:
    """F13. Then, when an hour has passed, three times more."""
    mark, call = f"hundred-{kind}", around.of(kind).call_of(f"hundred-{kind}")
    with ThreadPoolExecutor(100) as pool:
        said = list(
            pool.map(lambda _n: around.knock(call.url, call.headers, call.body), range(100))
        )
    assert set(said) <= {200, 202}
    until(lambda: entries_of(around.stand, mark))
    assert rows(around.stand, AN_HOUR_AGO, mark)
    assert [around.knock(call.url, call.headers, call.body) for _ in range(3)] == [200] * 3
    kept = "SELECT count(*) FROM channels_inbox_envelope WHERE position(%s::bytea in raw) > 0"
    assert rows(around.stand, kept, mark) == [(1,)]
    assert len(entries_of(around.stand, mark)) == 1


@pytest.mark.full
def test_a_build_that_reads_nothing_of_a_channel_gives_nothing_up(tmp_path: Path) -> None:
    """F22. Telegram's parser is broken; the others go on; a sound build takes it all in."""
    root = added(tmp_path, "channels_inbox/telegram/parse.py", DEFECT)
    with standing(root) as stand, world(stand) as around:
        telegram, twilio = around.of("telegram"), around.of("twilio_sms")
        for number in range(40):
            telegram.says(f"call-70{number:04}", sender=telegram.person(f"+8490900{number:04}"))
        held = "SELECT count(*) FROM channels_inbox_gate WHERE in_shut_at IS NOT NULL"
        began = time.monotonic()
        until(lambda: rows(stand, held) == [(1,)], seconds=30)
        print(f"held after {time.monotonic() - began:.0f} s")
        twilio.says("call-710000", sender="+84909123123")
        until(lambda: entries_of(stand, "call-710000"), seconds=10)
        time.sleep(20)
        dead = "SELECT count(*) FROM channels_inbox_item WHERE state = 'dead'"
        assert rows(stand, dead) == [(0,)]
        sound = (ROOT / "channels_inbox/telegram/parse.py").read_text()
        (root / "channels_inbox/telegram/parse.py").write_text(sound)
        for name in ("web", *WORKERS):
            stand.kill(name)
            stand.start(name)
        until(lambda: len(entries_of(stand, "call-70")) == 40, seconds=60)
        assert rows(stand, held) == rows(stand, dead) == [(0,)]
