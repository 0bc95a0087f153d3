"""The mails of a run, the same for the same seed: who writes what, in which order, how often."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from tests.faults.plan import DOMAIN, OUR_DOMAIN

if TYPE_CHECKING:
    from tests.faults.plan import Plan

LARGE = 300_000
"""Bytes above which the product keeps a body in storage instead of its row."""


@dataclass(frozen=True)
class Letter:
    """One mail: `mark` is unique and stands in its text; `inboxes` are names of ours, in order."""

    number: int
    sender: str
    turn: int
    inboxes: tuple[str, ...]
    by_imap: bool
    again: str
    raw: bytes

    @property
    def mark(self) -> str:
        return mark(self.number)


def mark(number: int) -> str:
    return f"mail-{number:06d}"


def customers(plan: Plan) -> list[list[Letter]]:
    """The letters of each customer in the order they are written."""
    choose = random.Random(plan.seed)
    made: list[list[Letter]] = []
    number = 0
    while number < plan.mails:
        count = min(plan.per_customer, plan.mails - number)
        made.append(_customer(plan, choose, len(made), range(number, number + count)))
        number += count
    return made


def _customer(plan: Plan, choose: random.Random, index: int, numbers: range) -> list[Letter]:
    sender = f"customer{index:04d}@{DOMAIN}"
    by_imap = choose.random() < plan.by_imap
    inboxes = ("mailbox",) if by_imap else choose.choice((("one",), ("two",), ("one", "two")))
    letters: list[Letter] = []
    for turn, number in enumerate(numbers):
        twin = letters[-1] if letters and choose.random() < 0.02 else None
        raw = _raw(choose, number, sender, inboxes, twin)
        again = ""
        if not by_imap and choose.random() < plan.twice:
            again = choose.choice(("same bytes", "another way"))
        letters.append(Letter(number, sender, turn, inboxes, by_imap, again, raw))
    return letters


def _raw(
    choose: random.Random, number: int, sender: str, inboxes: tuple[str, ...], twin: Letter | None
) -> bytes:
    """One mail in ten has a file, one in fifty a body of its own in storage, one in fifty no
    Message-ID; a `twin` shares the Message-ID of another mail and says something else."""
    message = EmailMessage()
    message["From"] = f"Customer <{sender}>"
    message["To"] = ", ".join(address(name) for name in inboxes)
    message["Subject"] = f"Question {mark(number)}"
    sent = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    message["Date"] = format_datetime(sent)
    if choose.random() >= 0.02:
        named = twin.number if twin else number
        message["Message-ID"] = f"<{mark(named)}@{DOMAIN}>"
    filler = "x" * LARGE if choose.random() < 0.02 else "Where is my order?"
    message.set_content(f"This is {mark(number)}.\n\n{_wrapped(filler)}\n")
    if choose.random() < 0.1:
        message.add_attachment(
            f"file of {mark(number)}".encode(), maintype="application", subtype="octet-stream",
            filename=f"{mark(number)}.dat",
        )  # fmt: skip
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _wrapped(text: str) -> str:
    return "\n".join(text[at : at + 70] for at in range(0, len(text), 70))


def travelled(raw: bytes) -> bytes:
    """The same mail after another way through the net."""
    return b"Received: from elsewhere.example by relay.example; 1 Jan 2026 00:00:00 +0000\r\n" + raw


def address(inbox: str) -> str:
    return f"{inbox}@{OUR_DOMAIN}"
