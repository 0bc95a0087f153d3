"""A desk that anything may happen to, in any order, and what holds after every step."""

from __future__ import annotations

from hypothesis.stateful import invariant, precondition

from conversations import (
    ownership,
    presence,
    workload,
)
from conversations.invariants import checking
from conversations.models import (
    Conversation,
    Entry,
    Ticket,
)
from tests.properties import laws
from tests.properties.reader import Reader
from tests.properties.rules.carrying import Carrying
from tests.properties.rules.floor import COMPARED, SWEPT
from tests.properties.rules.handing import Handing
from tests.properties.rules.owning import Owning
from tests.properties.rules.promising import Promising
from tests.properties.rules.receiving import Receiving
from tests.properties.rules.sorting import Sorting
from tests.properties.rules.talking import Talking


class Desk(Owning, Handing, Promising, Receiving, Sorting, Carrying, Talking):
    """Each rule is one verb through its own door; refusals are part of the game, and change
    nothing."""

    def _begin(self) -> None:
        """A desk in the middle of its day: three customers, one answered, one owned, one
        restricted."""
        for number, place in enumerate((0, 1, 3)):
            self.customer_writes(f"customer{number}@example.org", place, False, files=number % 2)
        first, second, _third = Ticket.objects.order_by("pk")
        self.reply(0, 0, 0, False, False, "pending")
        self.deliveries_go(1, "sent", False)
        self.reply(0, 0, 0, False, True, "open")
        ownership.take(second, by=self.agents[2], epoch=1)
        self.it_is_offered(1, 0, 0, True, False)
        self.it_is_promised(1, 0, 90, 0)
        for agent, units in zip(self.agents, (1, 3, 20), strict=True):
            workload.set_capacity(agent, units=units)
        presence.renew(agent.pk for agent in self.agents[1:])
        self.open = True

    @precondition(lambda self: self.open)
    @invariant()
    def laws_hold(self) -> None:
        laws.check()

    @precondition(lambda self: self.open)
    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        inbound = Entry.objects.filter(direction="in", kind="message", arrivals__is_first=True)
        assert dict(inbound.values_list("arrivals__external_id", "text")) == self.ledger.arrived
        assert Entry.objects.filter(direction="in").count() == len(self.ledger.arrived)
        said = Entry.objects.filter(direction="out")
        assert dict(said.values_list("client_token", "text")) == self.ledger.said
        noted = Entry.objects.filter(kind="note")
        assert dict(noted.values_list("client_token", "text")) == self.ledger.noted

    @precondition(lambda self: self.open)
    @invariant()
    def every_change_is_caught(self) -> None:
        """Erin has every conversation open and asks in small bites. Now and then, and at the end,
        what she sees is compared with new pages: a change once missed stays missed."""
        heads = dict(Conversation.objects.order_by("pk").values_list("pk", "head"))
        self.steps += 1
        for pk, head in heads.items():
            reader = self.readers.get(pk)
            if reader is None:
                reader = self.readers[pk] = Reader(pk, self.reader, limit=2).load()
            elif reader.head != head or reader.resets:
                reader.catch_up()
            if pk not in self.heads or reader.resets:
                self.heads[pk] = reader.head
                reader.resets = 0
        if self.steps % COMPARED == 0:
            self.compare_pages()

    def compare_pages(self) -> None:
        for reader in self.readers.values():
            reader.catch_up().assert_fresh()
        told = checking.whole()
        assert {law for law in told if law not in SWEPT} == set(), told
