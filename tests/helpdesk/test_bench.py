"""The benchmark measures a seeded desk through its real doors."""

import json
import os
import random
import signal
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from channels_inbox.email.parse import parse
from channels_inbox.models import Item
from conversations.models import Delivery, Inbox, Offer
from helpdesk.bench import clocks, desk, handoff, ingest, live, memory, runs, terms
from helpdesk.bench.mails import mail
from helpdesk.bench.reach import judged


@pytest.fixture
def seeded(transactional_db: None) -> None:
    call_command("seed", customers=60, tickets=600, entries=900, long=80, verbosity=0)


def test_mails_are_read_by_our_parser() -> None:
    answered = "a" * 39 + "." + "0" * 32 + "@seed.example"
    raw = mail(
        random.Random(1), sender="an@mail.example", name="An", to="a@b.example", answers=answered
    )
    parsed = parse(raw)
    assert parsed.from_ is not None
    assert parsed.from_.address == "an@mail.example"
    assert parsed.in_reply_to == answered
    assert parsed.html and parsed.text and parsed.visible_reply != parsed.text


def test_ingest_threads_every_mail(seeded: None) -> None:
    figures = ingest.measure(6, seed=1)
    assert figures["new"]["not_threaded"] == figures["reply"]["not_threaded"] == 0
    assert figures["reply"]["wall_ms"] > 0
    assert not Item.objects.exclude(state="threaded").exists()


def test_desk_measures_each_page_and_sends_nothing(seeded: None) -> None:
    before = Inbox.objects.get(address="support@seed.example").undo_window
    figures = desk.measure(4, seed=1)
    assert {"inbox_page", "conversation_page", "search", "reply"} <= set(figures)
    assert all(one["p50_ms"] > 0 for one in figures.values())
    assert Inbox.objects.get(address="support@seed.example").undo_window == before
    assert not Delivery.objects.filter(state="queued").exists()


def test_terms_are_common_and_rare_and_never_twice(seeded: None) -> None:
    drawn = terms.terms(random.Random(1), 10)
    for some in drawn.values():
        assert len(set(some)) == len(some) == 10
    assert not set(drawn["common"]) & set(drawn["rare"])


@pytest.mark.django_db
def test_an_empty_desk_is_not_measured() -> None:
    with pytest.raises(CommandError, match="seed"):
        call_command("bench", "ingest", once=True)


def test_once_prints_one_json_object(seeded: None) -> None:
    out = StringIO()
    call_command("bench", "ingest", once=True, json=True, count=2, stdout=out)
    assert set(json.loads(out.getvalue())) == {"new", "reply", "tickets"}


def test_a_median_is_taken_of_each_number() -> None:
    some: list[dict[str, Any]] = [
        {"a": {"b": 1.0}, "c": None},
        {"a": {"b": 9.0}, "c": None},
        {"a": {"b": 2.0}, "c": 3.0},
    ]
    assert runs.median(some) == {"a": {"b": 2.0}, "c": 3.0}


def test_goals_are_told_with_their_values() -> None:
    kind = {"wall_ms": 6.0, "cpu_ms": 9.0, "per_second": 160.0}
    told = judged("ingest", {"floor": {"wall_ms": 1.0}, "large": {"new": kind, "reply": kind}})
    assert [one["what"] for one in told if not one["ok"]] == [
        "new: times the floor",
        "reply: times the floor",
    ]


def test_percentiles() -> None:
    assert clocks.percentiles([float(number) for number in range(1, 101)]) == {
        "p50_ms": 50.5,
        "p95_ms": 96.0,
        "max_ms": 100.0,
    }


def test_live_shows_every_change_to_who_looks(seeded: None) -> None:
    """With so few pages the times mean nothing; that all was heard and shown, measuring checks."""
    figures = live.measure(3, seed=1, sizes=(5,))
    assert set(figures) == {"floor_5", "desk_5"}
    for found in figures.values():
        assert 0 < found["bell"]["p50_ms"] <= found["shown"]["p50_ms"]


def test_handoff_offers_accepts_and_gives_each_once(seeded: None) -> None:
    figures = handoff.measure(3, seed=1, agents=4, tickets=30, waiting=8)
    assert figures["card"]["p50_ms"] > 0
    assert Offer.objects.filter(state="accepted").count() == 3 + live.WARM_UP
    assert figures["assign"]["tickets"] == 8
    told = judged("handoff", figures)
    assert len(told) == 5


def test_memory_is_counted_over_a_family_of_processes() -> None:
    # A small one: that of the tests has grown by whatever ran before.
    code = (
        "import subprocess; kept = b'x' * 20_000_000\n"
        "child = subprocess.Popen(['sleep', '30']); print(child.pid, flush=True); child.wait()"
    )
    leader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert leader.stdout
    child = int(leader.stdout.readline())
    try:
        assert memory.family(leader.pid) == [leader.pid, child]
        told = memory.taken(leader.pid)
    finally:
        os.kill(child, signal.SIGKILL)
        leader.communicate()
    assert 10 < told["mib"] < 2000
    assert any(name.startswith("sleep") for name in told["parts"])
