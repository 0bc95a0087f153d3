"""The locked conversation: the only place where its numbers are made.

Every change to a conversation goes through `locked()`. Commit order is thread order, because the
numbers are taken under the live conversation's row lock, which is held to the end of the
transaction. Locks are taken in the order conversations (by id), tickets, others; under the lock
there is SQL only.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection, transaction

from conversations import columns, doorbells, prepared, public
from conversations.doorbells import RowChange
from conversations.errors import Moved
from conversations.models import Agent, Bot, Conversation, Entry, Kind, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from conversations.models import (
        Attachment,
        Delivery,
        HeldSend,
        Identity,
        Offer,
        Promise,
    )

    Stamped = Attachment | Delivery | Entry | HeldSend | Identity | Offer | Promise | Ticket

T = TypeVar("T")

MICROSECOND = timedelta(microseconds=1)
ATTEMPTS = 8

# The clock is read in an outer query over the locked rows, so that it ticks after the wait for the
# lock.
LOCK = """
WITH locked AS MATERIALIZED (
  SELECT id, customer_id, merged_into_id, last_seq, head, last_at, reset_head
  FROM conversations_conversation WHERE id = %s FOR NO KEY UPDATE
)
SELECT *, clock_timestamp() FROM locked
"""
LOCK_LIVE = """
WITH target AS MATERIALIZED (
  SELECT id AS origin_id, coalesce(merged_into_id, id) AS id
  FROM conversations_conversation WHERE id = {origin}
), locked AS MATERIALIZED (
  SELECT id, customer_id, merged_into_id, last_seq, head, last_at, reset_head
  FROM conversations_conversation WHERE id = (SELECT id FROM target) FOR NO KEY UPDATE
)
SELECT locked.*, clock_timestamp(), target.origin_id FROM locked, target
"""
OF_ADDRESS = """(
  SELECT origin_id FROM conversations_identity WHERE kind = %s AND scope = %s AND value = %s)"""
# Who waits for nobody can't be in a deadlock, so these need no order.
LOCK_FREE = """
WITH locked AS MATERIALIZED (
  SELECT id, customer_id, merged_into_id, last_seq, head, last_at, reset_head
  FROM conversations_conversation WHERE id = ANY(%s) AND merged_into_id IS NULL
  FOR NO KEY UPDATE SKIP LOCKED
)
SELECT *, clock_timestamp() FROM locked
"""
# Written by hand, as every change to a conversation ends with it.
WRITE_COUNTERS = """
UPDATE conversations_conversation
SET head = %s, last_at = %s, last_seq = %s, reset_head = %s, merged_into_id = %s WHERE id = %s
"""
COLUMNS = ("id", "customer_id", "merged_into_id", "last_seq", "head", "last_at", "reset_head")


@dataclass
class Thread:
    """A live conversation under its row lock, and the database's clock read after the lock."""

    conversation: Conversation
    now: datetime
    origins: dict[int, Conversation] = field(default_factory=dict)
    _rows: dict[int, RowChange] = field(default_factory=dict)
    _last: tuple[Ticket, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        self._rung, self._reset = self.conversation.head, self.conversation.reset_head

    @property
    def head(self) -> int:
        return self.conversation.head

    @property
    def changed(self) -> bool:
        return self.head > self._rung

    def next_rev(self) -> int:
        self.conversation.head += 1
        return self.conversation.head

    def _next_at(self) -> datetime:
        self.conversation.last_at = max(self.now, self.conversation.last_at + MICROSECOND)
        return self.conversation.last_at

    def _next_seq(self, origin_id: int) -> int:
        origin = self.origins[origin_id]
        origin.last_seq += 1
        return origin.last_seq

    def append(
        self,
        origin_id: int,
        *,
        ticket: Ticket | None,
        actor: str,
        beside: tuple[str, dict[str, Any]] = ("", {}),
        **fields: Any,
    ) -> Entry:
        """Add one entry at the end of the thread. `origin_id` is the origin of its identity, or of
        its ticket for notes and events; it must be part of this conversation. `beside`: what is
        inserted with it (`columns.add`)."""
        self._load_origin(origin_id)
        fields["public_rev"] = public.number(
            fields["kind"], fields.get("identity"), fields.get("event", "")
        )
        entry = Entry(
            conversation_id=self.conversation.pk,
            origin_id=origin_id,
            seq=self._next_seq(origin_id),
            at=self._next_at(),
            rev=self.next_rev(),
            ticket=ticket,
            actor=actor,
            **fields,
        )
        columns.add(entry, beside[0], **beside[1])
        return entry

    def event(
        self,
        ticket: Ticket | None,
        event: str,
        *,
        by: Actor,
        shown_to: Identity | None = None,
        **data: Any,
    ) -> Entry:
        """Record what happened as one line of the thread; `shown_to` sees it in their window."""
        origin_id = ticket.origin_id if ticket else self.conversation.pk
        return self.append(
            origin_id,
            ticket=ticket,
            actor=by.actor,
            agent_id=by.agent_id,
            bot_id=by.bot_id,
            kind=Kind.EVENT,
            event=event,
            identity=shown_to,
            data=data,
            client_token=uuid.uuid4(),
        )

    def stamp(self, row: Stamped, *fields: str) -> None:
        """Save the named fields of a row of this conversation with a change number of its own."""
        row.rev = self.next_rev()
        columns.write(row, *fields, "rev")
        public.changed(row, fields)
        if isinstance(row, Ticket):
            self.touched(row)

    def stamp_last(self, ticket: Ticket, *fields: str) -> None:
        """The same of a ticket that nobody reads before the end: written with the counters."""
        self._write_last()
        ticket.rev = self.next_rev()
        self._last = (ticket, (*fields, "rev"))
        self.touched(ticket)

    def touched(
        self,
        ticket: Ticket,
        *,
        team: int | None = None,
        agent: int | None = None,
        offered: bool = False,
        promised: bool = False,
        called: bool = False,
    ) -> None:
        """Lists show this ticket otherwise now. `team` and `agent` are whose it was before, or who
        it is, or was, `offered` to; `promised`: other promises press its owner now; `called`: a
        call of it rings, or no longer does."""
        known = self._rows.get(ticket.pk)
        teams = (known.teams if known else set()) | {ticket.team_id, team}
        owners = (known.owners if known else set()) | {ticket.agent_id, agent}
        self._rows[ticket.pk] = RowChange(
            ticket.pk,
            ticket.team_id,
            ticket.agent_id,
            ticket.status,
            ticket.place.isoformat(),
            restricted=bool(ticket.restriction),
            offered=offered or bool(known and known.offered),
            promised=promised or ticket.promised_at is not None or bool(known and known.promised),
            called=called or bool(known and known.called),
            teams={pk for pk in teams if pk},
            owners={pk for pk in owners if pk},
        )

    def touched_all(self) -> None:
        """Lists show every unresolved ticket of this conversation otherwise now."""
        for ticket in Ticket.objects.unresolved().filter(conversation=self.conversation):
            self.touched(ticket)

    def _load_origin(self, origin_id: int) -> None:
        if origin_id not in self.origins:
            origin = Conversation.objects.get(pk=origin_id)
            if origin.live_id != self.conversation.pk:
                raise Moved
            self.origins[origin_id] = origin

    def start_over(self) -> None:
        """Another set of rows may be read from now on: open pages have to be loaded again."""
        self.conversation.reset_head = self.next_rev()

    def flush(self) -> None:
        """Write the counters, and ring when all of it is committed. `locked()` does it at the
        end."""
        row = self.conversation
        counters = (row.head, row.last_at, row.last_seq, row.reset_head, row.merged_into_id)
        self._write_last((WRITE_COUNTERS, [*counters, row.pk]))
        for origin in self.origins.values():
            if origin is not row:
                origin.save(update_fields=["last_seq"])
        self._ring()

    def _write_last(self, beside: tuple[str, Sequence[Any]] = ("", ())) -> None:
        last, self._last = self._last, None
        if last:
            columns.write(last[0], *last[1], beside=beside)
        elif beside[0]:
            with prepared.cursor() as cursor:
                cursor.execute(*beside)

    def _ring(self) -> None:
        row = self.conversation
        if self.changed:
            again = row.reset_head > self._reset
            doorbells.ring(row.pk, row.head, again=again, rows=self._rows.values())
        self._rung, self._reset = row.head, row.reset_head
        self._rows = {}


@dataclass(frozen=True)
class Actor:
    """Who does something, as history names them."""

    actor: str
    agent_id: int | None = None
    bot_id: int | None = None

    @classmethod
    def of(cls, who: Agent | Bot) -> Actor:
        if isinstance(who, Agent):
            return cls(who.actor, agent_id=who.pk)
        return cls(who.actor, bot_id=who.pk)


SYSTEM = Actor("system")


def lock_live(origin_ids: Sequence[int]) -> tuple[dict[int, Conversation], datetime]:
    """Lock the live conversations of many origins, in one order for everybody.

    Returns them by origin, and the database's clock after the lock. An undo locks only the live
    one, too: joined conversations change under its lock alone, so locking them as well could only
    deadlock.
    """
    for _ in range(ATTEMPTS):
        homes = _homes(origin_ids)
        point = transaction.savepoint()
        rows = _lock_in_order(sorted(set(homes.values())))
        if rows and _homes(origin_ids) == homes:
            transaction.savepoint_commit(point)
            now = max(row[7] for row in rows.values())
            found = {pk: _conversation(row) for pk, row in rows.items()}
            return {origin: found[live] for origin, live in homes.items()}, now
        transaction.savepoint_rollback(point)
    raise Moved


def _lock_in_order(ids: Sequence[int]) -> dict[int, Sequence[Any]] | None:
    """One by one, or None as soon as one turns out to be joined: who waits for the next with a
    joined row in hand deadlocks with the writer of its conversation, who updates that row."""
    rows = {}
    for pk in ids:
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [pk])
            rows[pk] = cursor.fetchone()
        if rows[pk][2] is not None:
            return None
    return rows


def _homes(origin_ids: Sequence[int]) -> dict[int, int]:
    rows = Conversation.objects.filter(pk__in=origin_ids).values_list("pk", "merged_into")
    return {pk: merged_into or pk for pk, merged_into in rows}


def _conversation(row: Sequence[Any]) -> Conversation:
    return Conversation.from_db("default", COLUMNS, row[:7])


@contextmanager
def locked(origin_id: int) -> Iterator[Thread]:
    """Lock the live conversation that `origin_id` belongs to today; write its counters at the end.

    A join or undo may commit while we wait, so the origin is read again under the lock; when it
    points elsewhere the lock is given back (the block is rolled back) and it starts over.
    """
    for _ in range(ATTEMPTS):
        with transaction.atomic():
            thread = _lock_live(origin_id)
            if thread:
                yield thread
                thread.flush()
                return
            transaction.set_rollback(True)
    raise Moved


def lock_address(kind: str, scope: str, value: str) -> Thread | None:
    """Lock the live conversation of an address; None where nobody has it. Whoever asks flushes.

    There is no savepoint to give the lock back to: raises Moved at the first join that came in
    between. For what is done in `from_the_start`.
    """
    row = _locked_row(OF_ADDRESS, kind, scope, value)
    if row is None:
        return None
    thread = _if_live(row)
    if thread is None:
        raise Moved
    return thread


def thread_of(row: Sequence[Any]) -> Thread:
    """Of COLUMNS and the database's clock, of a conversation that is locked, or that nobody else
    can know yet."""
    live = _conversation(row)
    return Thread(live, row[7], {live.pk: live})


def from_the_start(work: Callable[[], T], *, savepoint: bool = True) -> T:
    """What `work` answers, done in one transaction that is begun anew when a join came in between.
    Within another one, with a savepoint or without, that is for the other to do: raises Moved."""
    for _ in range(1 if connection.in_atomic_block else ATTEMPTS):
        with suppress(Moved), transaction.atomic(savepoint=savepoint):
            return work()
    raise Moved


@contextmanager
def locked_free(ids: Collection[int]) -> Iterator[list[Thread]]:
    """Lock those of these conversations that are live and that nobody else is at, in one
    transaction; write the counters of those that changed at the end."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(LOCK_FREE, [list(ids)])
            rows = cursor.fetchall()
        threads = [thread_of(row) for row in rows]
        yield threads
        for thread in threads:
            if thread.changed:
                thread.flush()


def _lock_live(origin_id: int) -> Thread | None:
    """None when the conversation locked isn't the live one of the origin any more."""
    row = _locked_row("%s", origin_id)
    if row is None:
        raise Conversation.DoesNotExist
    return _if_live(row)


def _locked_row(origin: str, *values: int | str) -> Sequence[Any] | None:
    with prepared.cursor() as cursor:
        cursor.execute(LOCK_LIVE.format(origin=origin), values)
        row: Sequence[Any] | None = cursor.fetchone()
    return row


def _if_live(row: Sequence[Any]) -> Thread | None:
    thread, origin_id = thread_of(row), row[8]
    live = thread.conversation
    if live.merged_into_id is None and _still_there(origin_id, live.pk):
        return thread
    return None


def _still_there(origin_id: int, live_id: int) -> bool:
    """Whether the origin, read again under the lock, still belongs to the conversation locked."""
    if origin_id == live_id:
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT merged_into_id FROM conversations_conversation WHERE id = %s", [origin_id]
        )
        row = cursor.fetchone()
    return row is not None and row[0] == live_id


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
