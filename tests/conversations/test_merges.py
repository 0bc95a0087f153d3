from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations import merges, replies, tickets
from conversations.errors import BadInput
from conversations.models import Agent, Conversation, Entry, Identity, Merge, Ticket
from tests import builders
from tests.builders import Cast
from tests.conversations.happened import watched
from tests.conversations.plans import fill
from tests.properties import laws


def person(cast: Cast, name: str, notes: int = 0) -> Ticket:
    """A customer with one ticket and some notes; the more notes, the larger."""
    ticket = builders.make_ticket(cast.inbox, f"{name}@example.org", label=name)
    for number in range(notes):
        replies.note(ticket, by=cast.bob, text=f"{name}{number}", client_token=uuid.uuid4())
    return ticket


def join(first: Ticket, second: Ticket, by: Agent) -> Merge:
    live = [Conversation.objects.resolve(ticket.origin_id) for ticket in (first, second)]
    return merges.merge(live[0], live[1], by=by, reason="Same person")


def rows() -> dict[int, tuple[Any, ...]]:
    found = Entry.objects.values_list("pk", "origin", "seq", "at", "ticket", "text", "data")
    return {row[0]: row for row in found}


def live_of(ticket: Ticket) -> int:
    return Conversation.objects.get(pk=ticket.origin_id).live_id


def test_the_smaller_moves_into_the_larger(cast: Cast) -> None:
    small, large = person(cast, "small"), person(cast, "large", notes=2)
    before = rows()
    with watched(large) as seen:
        row = join(small, large, cast.alice)
    assert (row.into_id, row.origins) == (large.origin_id, [small.origin_id])
    assert seen.kinds == ["joined"]
    assert seen.entries[0].data["name"] == "small"
    assert {pk: each for pk, each in rows().items() if pk in before} == before
    assert set(Entry.objects.values_list("conversation", flat=True)) == {large.origin_id}
    assert set(Ticket.objects.values_list("conversation", flat=True)) == {large.origin_id}
    assert set(Identity.objects.values_list("conversation", flat=True)) == {large.origin_id}
    assert Conversation.objects.resolve(small.origin_id).pk == large.origin_id


def test_who_is_one_already_is_not_joined_again(cast: Cast) -> None:
    one, two = person(cast, "one"), person(cast, "two")
    join(one, two, cast.alice)
    with pytest.raises(BadInput):
        join(one, two, cast.alice)
    with pytest.raises(BadInput):
        join(one, one, cast.alice)
    laws.check()


def test_an_agent_says_why(cast: Cast) -> None:
    one, two = person(cast, "one"), person(cast, "two")
    with pytest.raises(BadInput):
        merges.merge(one.conversation, two.conversation, by=cast.alice, reason="  ")
    row = merges.merge(one.conversation, two.conversation, by=None, reason="", proof="verified")
    assert (row.agent, row.proof) == (None, "verified")


@pytest.mark.parametrize("side", ["one", "two"])
def test_open_pages_survive_a_join_and_its_undo(cast: Cast, side: str) -> None:
    sides = {"one": person(cast, "one"), "two": person(cast, "two", notes=3)}
    with watched(sides[side]):
        row = join(sides["one"], sides["two"], cast.alice)
    with watched(sides[side]):
        merges.undo(row, by=cast.alice)


def test_undone_everything_is_as_it_was(cast: Cast) -> None:
    one, two = person(cast, "one", notes=2), person(cast, "two", notes=1)
    before, homes = rows(), dict(Entry.objects.values_list("pk", "conversation"))
    row = join(one, two, cast.alice)
    merges.undo(row, by=cast.bob)
    assert {pk: each for pk, each in rows().items() if pk in before} == before
    after = dict(Entry.objects.filter(pk__in=before).values_list("pk", "conversation"))
    assert after == homes
    row.refresh_from_db()
    assert row.undone_by == cast.bob
    with watched(one) as seen:
        merges.undo(row, by=cast.alice)
    assert (seen.kinds, seen.raised) == ([], 0)


def test_later_entries_go_to_the_origin_of_their_address(cast: Cast) -> None:
    one, two = person(cast, "one"), person(cast, "two", notes=3)
    row = join(one, two, cast.alice)
    later = builders.write_in(cast.inbox, "one@example.org", tokens=(one.token_id,))
    merges.undo(row, by=cast.alice)
    later.refresh_from_db()
    assert (later.conversation_id, later.ticket_id) == (one.origin_id, one.pk)
    laws.check()


def test_an_entry_whose_ticket_stays_joins_its_origin_s_only_open_one(cast: Cast) -> None:
    one, two = person(cast, "one"), person(cast, "two", notes=3)
    row = join(one, two, cast.alice)
    stray = builders.write_in(cast.inbox, "one@example.org", tokens=(two.token_id,))
    assert stray.ticket == two
    merges.undo(row, by=cast.alice)
    stray.refresh_from_db()
    one.refresh_from_db()
    two.refresh_from_db()
    assert (stray.ticket, one.newest) == (one, stray)
    assert builders.newest_of(two).text == "two2"
    laws.check()


def test_else_it_opens_one_of_the_same_team(cast: Cast) -> None:
    one, two = person(cast, "one"), person(cast, "two", notes=3)
    tickets.resolve(one, by=cast.alice)
    row = join(one, two, cast.alice)
    strays = [
        builders.write_in(cast.inbox, "one@example.org", tokens=(two.token_id,)) for _ in range(2)
    ]
    merges.undo(row, by=cast.alice)
    adopted = {builders.ticket_of(Entry.objects.get(pk=stray.pk)) for stray in strays}
    (ticket,) = adopted
    assert (ticket.team, ticket.origin_id) == (cast.support, one.origin_id)
    assert ticket not in (one, two)
    laws.check()


def test_a_stray_of_one_restricted_inbox_never_joins_a_ticket_of_another(cast: Cast) -> None:
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    other = builders.make_inbox(cast.billing, "Other legal", restriction="legal")
    one = builders.make_ticket(other, "one@example.org")
    two = builders.make_ticket(legal, "two@example.org")
    for _ in range(3):
        replies.note(two, by=cast.bob, text="x", client_token=uuid.uuid4())
    row = join(one, two, cast.alice)
    stray = builders.write_in(legal, "one@example.org", tokens=(two.token_id,))
    assert stray.ticket == two
    merges.undo(row, by=cast.alice)
    ticket = builders.ticket_of(Entry.objects.get(pk=stray.pk))
    assert ticket != one
    assert (ticket.team, ticket.inbox) == (cast.support, legal)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)])
def test_nested_joins_are_taken_back_in_any_order(cast: Cast, order: tuple[int, ...]) -> None:
    people = [person(cast, name, notes) for name, notes in (("a", 0), ("b", 6), ("c", 20))]
    fourth = person(cast, "d", 40)
    joins = [
        join(people[0], people[1], cast.alice),
        join(people[1], people[2], cast.alice),
        join(people[2], fourth, cast.alice),
    ]
    assert {live_of(ticket) for ticket in (*people, fourth)} == {fourth.origin_id}
    for number in order:
        merges.undo(joins[number], by=cast.alice)
        laws.check()
    assert len({live_of(ticket) for ticket in (*people, fourth)}) == 4


def test_undo_leaves_alone_whoever_was_joined_again_elsewhere(cast: Cast) -> None:
    """C left B and was joined with A on its own: when B leaves A, C stays, and can leave later."""
    a, b, c = person(cast, "a", 20), person(cast, "b", 8), person(cast, "c")
    c_to_b = join(c, b, cast.alice)
    b_to_a = join(b, a, cast.alice)
    merges.undo(c_to_b, by=cast.alice)
    c_to_a = join(c, a, cast.alice)
    merges.undo(b_to_a, by=cast.alice)
    assert (live_of(a), live_of(b), live_of(c)) == (a.origin_id, b.origin_id, a.origin_id)
    merges.undo(c_to_a, by=cast.alice)
    assert live_of(c) == c.origin_id
    laws.check()


def test_what_can_be_taken_back_is_told_newest_first(cast: Cast) -> None:
    a, b, c = person(cast, "a", 20), person(cast, "b", 8), person(cast, "c")
    first, second = join(c, b, cast.alice), join(b, a, cast.alice)
    assert merges.undoable(Conversation.objects.get(pk=a.origin_id)) == [second, first]
    merges.undo(second, by=cast.alice)
    assert merges.undoable(Conversation.objects.get(pk=a.origin_id)) == []
    assert merges.undoable(Conversation.objects.get(pk=b.origin_id)) == [first]


def test_rows_move_by_statements_that_read_their_table_once(cast: Cast) -> None:
    """A conversation that grew at once is joined before PostgreSQL knows how large it is: a table
    joined with itself took a quarter of an hour for some thousand rows then."""
    fill(cast, known=False)
    Conversation.objects.filter(pk=100_002).update(head=9001)
    pair = Conversation.objects.filter(pk__in=[100_001, 100_002]).order_by("pk")
    with CaptureQueriesContext(connection) as asked:
        merges.merge(*pair, by=cast.alice, reason="One person")
    assert Entry.objects.filter(conversation=100_002, origin=100_001).count() == 3000
    moves = [query["sql"] for query in asked if query["sql"].startswith("UPDATE")]
    tables = [(sql.split('"')[1], sql) for sql in moves]
    assert {"conversations_delivery", "conversations_attachment"} <= {name for name, _ in tables}
    assert [sql for name, sql in tables if f'FROM "{name}"' in sql] == []
