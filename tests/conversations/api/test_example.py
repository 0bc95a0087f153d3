"""The client in the README, as somebody copies it, against the product's web server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from conversations.models import Entry, Status
from tests.builders import make_ticket, write_in
from tests.conversations.api.calls import Program

if TYPE_CHECKING:
    from tests.builders import Cast
    from tests.conversations.live import Web

README: Final = Path(__file__).resolve().parents[3] / "README.md"

pytestmark = pytest.mark.django_db(transaction=True)


def client() -> str:
    found = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    [code] = [one for one in found if "Idempotency-Key" in one]
    return str(code)


def run(web: Web, program: Program, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DESK": f"http://{web.host}", "DESK_TOKEN": program.secret},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_has_thirty_lines_of_the_standard_library_alone() -> None:
    code = client()
    assert len([line for line in code.splitlines() if line.strip()]) <= 30
    named = set(re.findall(r"^(?:import|from) (.+?)(?: import .*)?$", code, re.M))
    assert named == {"json, os, uuid", "urllib.error", "urllib.request"}


def test_it_answers_the_ticket_that_is_due_first(desk: Cast, running: Web) -> None:
    first, second = (make_ticket(desk.inbox, f"{n}@example.org") for n in range(2))
    done = run(running, Program(desk.alice), client())
    assert (done.returncode, done.stderr) == (0, "")
    sent = Entry.objects.get(direction="out")
    assert (sent.ticket, sent.text) == (first, "Thank you, we are looking into it.")
    for ticket in (first, second):
        ticket.refresh_from_db()
    assert (first.status, first.agent, second.status) == (Status.PENDING, desk.alice, Status.OPEN)


def test_it_reads_again_when_somebody_writes_meanwhile(desk: Cast, running: Web) -> None:
    """Its author takes so long that the customer writes once more; the second try has read it."""
    ticket = make_ticket(desk.inbox, text="Where is it?")
    slow = client().replace(
        'lambda ticket, newest_first: "Thank you, we are looking into it."',
        "lambda ticket, newest: (input('? '), f'You said {len(newest)} things.')[1]",
    )
    program = Program(desk.alice)
    author = subprocess.Popen(
        [sys.executable, "-u", "-c", slow],
        env={**os.environ, "DESK": f"http://{running.host}", "DESK_TOKEN": program.secret},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert author.stdout is not None
    assert author.stdout.read(2) == "? "
    write_in(desk.inbox, text="Found it.")
    author.communicate("\n\n", timeout=120)
    assert author.returncode == 0
    sent = Entry.objects.get(direction="out")
    there = Entry.objects.filter(conversation=ticket.conversation_id, at__lt=sent.at).count()
    assert sent.text == f"You said {there} things."
