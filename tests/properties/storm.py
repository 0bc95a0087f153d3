"""Writers, joiners and readers on a few conversations at once, and what they found afterwards."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

from django.db import OperationalError, connection

from conversations import intake, merges, replies, timeline
from conversations.errors import BadInput
from conversations.models import Conversation, Entry, Merge, Ticket
from tests import builders
from tests.patience import PATIENCE
from tests.properties import laws
from tests.properties.crew import failures, together
from tests.properties.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.timeline import Changes
    from tests.builders import Cast


@dataclass
class Storm:
    """`writers` write, `joiners` join and undo, `readers` follow by catch-up, for some seconds: for
    more of them where not all of it has happened by then, or it isn't `enough`."""

    cast: Cast
    seconds: float
    writers: int = 5
    joiners: int = 2
    readers: int = 5
    people: int = 3
    since: Callable[..., Changes] = timeline.since
    enough: Callable[[], bool] = lambda: True
    counts: Counter[str] = field(default_factory=Counter)
    written: set[str] = field(default_factory=set)

    def blow(self) -> list[str]:
        """Run it. Answers with what went wrong, in words."""
        self.senders = [f"person{number}@example.org" for number in range(self.people)]
        tickets = [builders.make_ticket(self.cast.inbox, sender) for sender in self.senders]
        self.tickets = [ticket.pk for ticket in tickets]
        self.homes = [ticket.conversation_id for ticket in tickets]
        self.open_pages = [
            Reader(self.homes[number % self.people], self.cast.charlie, 20, self.since)
            for number in range(self.readers)
        ]
        answers = together(
            *[partial(self._write, number) for number in range(self.writers)],
            *[partial(self._join, number) for number in range(self.joiners)],
            *[partial(self._read, reader) for reader in self.open_pages],
            patience=self.seconds + PATIENCE + 60,
        )
        wrong = [f"{type(error).__name__}: {error}" for error in failures(answers)]
        return wrong + self._stale_pages() + [str(each) for each in laws.breaches().items()]

    @cached_property
    def until(self) -> float:
        """From when the first of them has begun: they may have to wait for their connections."""
        return time.monotonic() + self.seconds

    def _goes_on(self) -> bool:
        now = time.monotonic()
        if now < self.until:
            return True
        wanted = ("written", "joined", "undone") if self.joiners else ("written",)
        happened = all(self.counts[what] for what in wanted) and all(
            reader.rounds for reader in self.open_pages
        )
        return now < self.until + PATIENCE and not (happened and self.enough())

    def _write(self, seed: int) -> None:
        dice = random.Random(seed)
        while self._goes_on():
            place = dice.randrange(self.people)
            text = f"{seed}:{uuid.uuid4()}"
            if dice.random() < 0.5:
                message = builders.inbound(self.cast.inbox, self.senders[place], text=text)
                intake.receive(message)
            else:
                replies.note(
                    Ticket(pk=self.tickets[place], origin_id=self.homes[place]),
                    by=self.cast.bob,
                    text=text,
                    client_token=uuid.uuid4(),
                )
            self.written.add(text)
            self.counts["written"] += 1

    def _join(self, seed: int) -> None:
        dice = random.Random(seed)
        while self._goes_on():
            one, two = dice.sample(self.homes, 2)
            row = Merge.objects.filter(undone_at=None).order_by("?").first()
            try:
                if row and dice.random() < 0.5:
                    merges.undo(row, by=self.cast.alice)
                    self.counts["undone"] += 1
                else:
                    merges.merge(
                        Conversation(pk=one), Conversation(pk=two), by=self.cast.alice, reason="one"
                    )
                    self.counts["joined"] += 1
            except BadInput:
                self.counts["refused"] += 1
            time.sleep(dice.random() * 0.02)

    def _read(self, reader: Reader) -> None:
        reader.load()
        while self._goes_on():
            reader.ask()
            time.sleep(0.03)
        self.counts["asked"] += reader.rounds
        self.counts["reset"] += reader.resets

    def _stale_pages(self) -> list[str]:
        """After the last change each page asks once more, and then shows what a new page shows."""
        stale = []
        for reader in self.open_pages:
            try:
                reader.catch_up().assert_fresh()
            except AssertionError:
                stale.append(f"the page of conversation {reader.conversation_id} is stale")
        kept = set(Entry.objects.exclude(kind="event").values_list("text", flat=True))
        lost = self.written - kept
        return stale + [f"lost: {text}" for text in lost]


def crossing(first: int, second: int) -> list[str]:
    """Two transactions, each with a conversation locked, refer to the other's by foreign key."""
    from conversations.thread import locked

    both = threading.Barrier(2)

    def hold(mine: int, other: int) -> None:
        with locked(mine):
            both.wait(30)
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO conversations_merge (into_id, origins, proof, reason, made_at)"
                    " VALUES (%s, '{}', 'attested', '', now())",
                    [other],
                )

    answers = together(partial(hold, first, second), partial(hold, second, first))
    wrong = [error for error in failures(answers) if isinstance(error, OperationalError)]
    return [str(error).splitlines()[0] for error in wrong]
