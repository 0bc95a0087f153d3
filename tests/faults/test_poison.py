"""F21: what takes its parser down, in a copy of the product whose parser has that defect."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.faults.channels import WORKERS, World, world
from tests.faults.checkouts import added
from tests.faults.console import Console
from tests.faults.desk import ends_of, entries_of, rows, stalls, until
from tests.faults.stand import ROOT, standing
from tests.faults.test_repeats import digest, mail, post_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.stand import Stand

DEFECT = """

_sound_parse = parse


def parse(raw):
    if b"X-Poison:" in raw:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGSEGV)
    return _sound_parse(raw)
"""


# Whatever reads it dies, but for the web server, which has read it when it came.
DEFECT_OF_CALLS = """

_sound_parse = parse


def parse(call):
    import sys

    if b"poison" in call.body and "web" not in sys.argv:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGSEGV)
    return _sound_parse(call)
"""
PARSER = "channels_inbox/telegram/parse.py"
ITEMS, NOTHING_LOST = "/settings/items/", "/settings/items/all/"
NEIGHBOURS = """
SELECT e.late, extract(epoch FROM i.ended_at - i.received_at)::float8
FROM channels_inbox_item i JOIN conversations_entry e ON e.id = i.entry_id
WHERE i.state = 'threaded' AND e.text LIKE '%%call-%%' ORDER BY 2
"""
DEAD = "SELECT id, attempts, lease_epoch, reason FROM channels_inbox_item WHERE state = 'dead'"
# As if the time had passed that it waits between two tries.
HURRY = """
UPDATE channels_inbox_item SET next_at = clock_timestamp()
WHERE state = 'waiting' AND attempts > 0 AND next_at > clock_timestamp() RETURNING id
"""


@dataclass(frozen=True)
class Flood:
    """So many calls at a rate of so many a second, of so many people; the one in the middle is the
    poison. `waits`: for as long as it takes; else the clock is turned on between its tries.
    `most_seconds` is how long 19 of 20 neighbours may take."""

    calls: int
    rate: float
    people: int
    waits: bool
    most_seconds: float


@pytest.mark.parametrize(
    "flood",
    [
        Flood(40, 40, 10, waits=False, most_seconds=30),
        pytest.param(Flood(1000, 10, 100, waits=True, most_seconds=2), marks=pytest.mark.full),
    ],
    ids=["forty", "thousand"],
)
def test_a_poisonous_call_ends_dead_and_its_neighbours_go_on(tmp_path: Path, flood: Flood) -> None:
    root = added(tmp_path, PARSER, DEFECT_OF_CALLS)
    with standing(root) as stand, world(stand) as around:
        with stalls() as stalled, ThreadPoolExecutor(1) as caller:
            calling = caller.submit(call, around, flood)
            deaths = alive_until(stand, calling.done)
            calling.result()
            others = flood.calls - 1
            deaths += alive_until(stand, lambda: len(rows(stand, NEIGHBOURS)) == others)
        web = stand.running["web"].pid
        deaths += alive_until(stand, lambda: rows(stand, DEAD), hurries=not flood.waits)
        [(item, attempts, claims, reason)] = rows(stand, DEAD)
        found = rows(stand, NEIGHBOURS)
        seconds = [took for _late, took in found]
        print(f"workers died {deaths} times; given up after {claims} claims: {reason}")
        print(f"{len(found)} neighbours: half in {seconds[others // 2]:.3f} s,", end=" ")
        print(f"95 % in {seconds[others * 95 // 100]:.3f} s, all in {seconds[-1]:.3f} s")
        assert (deaths, attempts, reason) == (1, 8, "ReaderDied: SIGSEGV")
        assert not any(late for late, _took in found)
        assert seconds[others * 95 // 100] < flood.most_seconds + stalled.seconds

        desk = Console(stand.place.address)
        assert "replay" in desk.page(NOTHING_LOST)
        assert "This is poison." in desk.page(ITEMS)
        assert desk.press(f"{ITEMS}{item}/bring-in/", ITEMS) == 302
        assert alive_until(stand, lambda: rows(stand, DEAD), hurries=not flood.waits) == 0
        assert stand.running["web"].pid == web and stand.running["web"].alive

        (root / PARSER).write_text((ROOT / PARSER).read_text())
        for name in ("web", *WORKERS):
            stand.kill(name)
            stand.start(name)
        stand.await_ready()
        assert Console(stand.place.address).press(f"{ITEMS}replay/", NOTHING_LOST) == 302
        until(lambda: len(entries_of(stand, "This is poison.")) == 1)
        assert rows(stand, DEAD) == []


def call(around: World, flood: Flood) -> None:
    sandbox, began = around.of("telegram"), time.monotonic()
    for number in range(flood.calls):
        time.sleep(max(0.0, began + number / flood.rate - time.monotonic()))
        mark = "poison" if number == flood.calls // 2 else f"call-{number:06}"
        who = sandbox.person(f"+8490900{number % flood.people:04}")
        sandbox.says(f"This is {mark}.", sender=who)


def alive_until(
    stand: Stand, holds: Callable[[], object], *, hurries: bool = False, seconds: float = 400
) -> int:
    """Start again what dies meanwhile, as its supervisor would. How often something did."""
    deaths, ends = 0, time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"not so after {seconds:.0f} s"
        for name in ("web", *WORKERS):
            if not stand.running[name].alive:
                deaths += 1
                stand.start(name)
        if hurries:
            rows(stand, HURRY)
        time.sleep(0.2)
    return deaths


@pytest.mark.full
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
