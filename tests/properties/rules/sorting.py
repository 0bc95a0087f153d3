"""Matters change, and customers are joined and taken apart."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from conversations import (
    merges,
    tickets,
)
from conversations.errors import (
    BadInput,
    PromisesOpen,
)
from conversations.models import (
    Conversation,
    Entry,
    Status,
    Ticket,
)
from conversations.thread import database_now
from tests import builders
from tests.properties import laws
from tests.properties.rules.floor import (
    Joined,
    family_after_undo,
    pick,
    rows_now,
    times_promised,
)
from tests.properties.rules.talking import Talking


class Sorting(Talking):
    """Matters change, and customers are joined and taken apart."""

    @rule(
        ticket=pick,
        what=st.sampled_from(["resolve", "reopen", "pending", "snooze", "wake", "rename"]),
        settled=st.sampled_from(["", "kept", "withdrawn"]),
    )
    def matter_changes(self, ticket: int, what: str, settled: str) -> None:
        found = self._ticket(ticket)
        if found is None:
            return
        if what == "wake":
            Ticket.objects.filter(pk=found.pk, status__in=(Status.SNOOZED, Status.PENDING)).update(
                deadline_at=database_now()
            )
            tickets.wake_due()
            return
        until = database_now() + timedelta(days=1)

        def change() -> Ticket:
            if what == "resolve":
                return tickets.resolve(found, by=self.boss, promises=settled)
            if what == "reopen":
                return tickets.reopen(found, by=self.boss)
            if what == "pending":
                return tickets.set_pending(found, by=self.boss)
            if what == "rename":
                return tickets.rename(found, subject="Renamed", by=self.boss)
            return tickets.snooze(found, until=until, by=self.boss)

        owed = times_promised(found)
        try:
            change()
        except PromisesOpen:
            assert owed and what == "resolve" and not settled
            return
        except BadInput:
            found.refresh_from_db()
            assert what in ("pending", "snooze") and found.promised_at
            assert found.promised_at <= database_now()
            return
        assert not (what == "resolve" and times_promised(found))
        head = builders.head_of(found.conversation_id)
        change()
        assert builders.head_of(found.conversation_id) == head

    @rule(which=pick, to=pick, split=st.booleans())
    def entry_is_moved(self, which: int, to: int, split: bool) -> None:
        entries = list(
            Entry.objects.filter(ticket__isnull=False).exclude(kind="event").order_by("pk")
        )
        if not entries:
            return
        entry = entries[which % len(entries)]
        siblings = list(Ticket.objects.filter(conversation=entry.conversation_id).order_by("pk"))
        target = None if split else siblings[to % len(siblings)]
        try:
            moved = tickets.move_entry(entry, to=target, by=self.boss)
        except BadInput:
            entry.refresh_from_db()
            assert target is not None and entry.ticket != target
            return
        assert target is None or moved.ticket_id == target.pk
        for join in self.joins:
            join.moved_since.add(entry.pk)

    @rule(first=pick, second=pick)
    def join_two(self, first: int, second: int) -> None:
        all_ids = list(Conversation.objects.order_by("pk").values_list("pk", flat=True))
        if len(all_ids) < 2:
            return
        self._join(all_ids[first % len(all_ids)], all_ids[second % len(all_ids)])

    def _join(self, one: int, two: int) -> None:
        before = {row[0]: row for row in rows_now()}
        heads = list(Conversation.objects.order_by("pk").values_list("pk", "head", "merged_into"))
        try:
            row = merges.merge(
                Conversation(pk=one), Conversation(pk=two), by=self.boss, reason="Same person"
            )
        except BadInput:
            assert heads == list(
                Conversation.objects.order_by("pk").values_list("pk", "head", "merged_into")
            )
            return
        self.joins.append(Joined(row, before))

    @rule(order=st.permutations(range(2)))
    def three_are_joined_and_parted(self, order: list[int]) -> None:
        """A chain of joins, taken back in any order, with somebody writing in between."""
        live = list(Conversation.objects.live().order_by("head").values_list("pk", flat=True))
        if len(live) < 3:
            return
        known = len(self.joins)
        for other in live[1:3]:
            self._join(live[0], other)
        self.note(order[0], 0)
        laws.check()
        for step, place in enumerate(order):
            self.take_a_join_back(known + (place if step == 0 else 0))
            laws.check()

    @precondition(lambda self: self.joins)
    @rule(which=pick)
    def take_a_join_back(self, which: int) -> None:
        place = which % len(self.joins)
        join = self.joins.pop(place)
        home = join.row.origins[-1]
        family = family_after_undo(join.row)
        merges.undo(join.row, by=self.boss)
        merges.undo(join.row, by=self.boss)
        assert Conversation.objects.get(pk=home).merged_into_id is None
        for origin in family:
            assert Conversation.objects.get(pk=origin).live_id == home
        if place == len(self.joins):
            self._came_back(join)
        for other in self.joins[:place]:
            other.moved_since |= join.moved_since
        for other in self.joins[place:]:
            other.moved_since |= set(Entry.objects.values_list("pk", flat=True))

    def _came_back(self, join: Joined) -> None:
        """Taken back at once or after new entries only: everything from before is as it was."""
        now = {row[0]: row for row in rows_now()}
        for pk, row in join.entries.items():
            if pk not in join.moved_since:
                assert now[pk] == row
