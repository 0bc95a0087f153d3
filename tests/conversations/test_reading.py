"""What each agent has read: marks that only go forward, raise no head, and are asked for at once."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations import desk, reading, replies
from conversations.models import Agent, Entry, ReadMark, Ticket
from conversations.thread import database_now
from tests import builders
from tests.builders import Cast
from tests.conversations.desk import sign_in
from tests.conversations.plans import fill, plans


def listed(agent: Agent) -> list[Ticket]:
    return list(desk.listing(agent, folder=desk.Folder.ALL).tickets)


def unread(agent: Agent) -> frozenset[int]:
    return reading.unread_of(agent, listed(agent))


def read(ticket: Ticket, entry: Entry, agent: Agent) -> None:
    reading.mark_read(ticket.conversation, {ticket.pk: entry.at}, by=agent)


def test_what_came_since_one_looked_is_unread(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    assert unread(cast.alice) == {ticket.pk}
    read(ticket, builders.newest_of(ticket), cast.alice)
    assert unread(cast.alice) == frozenset()
    assert unread(cast.bob) == {ticket.pk}
    builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    assert unread(cast.alice) == {ticket.pk}


def test_marks_raise_no_head_and_only_go_forward(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    first = builders.newest_of(ticket)
    last = builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    head = builders.head_of(ticket.conversation_id)
    for entry in (last, first):
        read(ticket, entry, cast.alice)
    assert ReadMark.objects.get().at == last.at
    assert builders.head_of(ticket.conversation_id) == head


def test_a_mark_from_the_future_is_one_of_now(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    later = database_now() + timedelta(days=9)
    reading.mark_read(ticket.conversation, {ticket.pk: later}, by=cast.alice)
    assert ReadMark.objects.get().at < later - timedelta(days=8)


def test_what_one_wrote_and_what_is_older_than_oneself_is_read(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    replies.note(ticket, by=cast.alice, text="Mine", client_token=uuid.uuid4())
    assert unread(cast.alice) == frozenset()
    assert unread(cast.bob) == {ticket.pk}
    assert unread(builders.make_agent("Newcomer", cast.support)) == frozenset()


def test_marked_as_unread_until_it_is_opened_again(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    heard = builders.newest_of(ticket)
    mine = replies.note(ticket, by=cast.alice, text="Mine", client_token=uuid.uuid4())
    read(ticket, mine, cast.alice)
    reading.mark_unread(ticket, by=cast.alice)
    assert unread(cast.alice) == {ticket.pk}
    left = reading.left_at(cast.alice, ticket.conversation)
    assert left is not None
    assert left < heard.at < mine.at
    read(ticket, heard, cast.alice)
    assert unread(cast.alice) == frozenset()


def test_where_one_left_is_the_last_moment_of_the_conversation(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    assert reading.left_at(cast.alice, ticket.conversation) is None
    entry = builders.newest_of(ticket)
    read(ticket, entry, cast.alice)
    assert reading.left_at(cast.alice, ticket.conversation) == entry.at


def test_tickets_of_others_and_hidden_ones_take_no_mark(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    other = builders.make_ticket(cast.inbox, "lee@example.org")
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    hidden = builders.make_ticket(legal)
    assert hidden.conversation_id == ticket.conversation_id
    upto = {row.pk: builders.newest_of(row).at for row in (ticket, other, hidden)}
    reading.mark_read(ticket.conversation, upto, by=cast.charlie)
    assert [mark.ticket for mark in ReadMark.objects.all()] == [ticket]


def test_the_door_takes_moments_and_leaves_nonsense_out(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    client, entry = sign_in(cast.alice), builders.newest_of(ticket)
    url = f"/conversations/{ticket.conversation_id}/read/"
    told = client.post(url, {"upto": [f"{entry.at.isoformat()},{ticket.pk}"]})
    assert told.status_code == 204
    assert ReadMark.objects.get().at == entry.at
    assert client.post(url, {"upto": "yesterday"}).status_code == 404
    assert client.post(url).status_code == 204
    client.post(f"/tickets/{ticket.pk}/unread/")
    assert ReadMark.objects.get().unread


def test_one_question_for_a_page_of_rows_and_none_of_it_by_walking(cast: Cast) -> None:
    fill(cast)
    rows = listed(cast.alice)
    for ticket in rows:
        ReadMark.objects.create(ticket=ticket, agent=cast.alice, at=ticket.active_at)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO conversations_readmark (ticket_id, agent_id, at)"
            " SELECT t.id, a.id, now() FROM conversations_ticket t, conversations_agent a"
            " ON CONFLICT DO NOTHING"
        )
        cursor.execute("ANALYZE conversations_readmark")
    with CaptureQueriesContext(connection) as asked:
        reading.unread_of(cast.alice, rows)
    assert len(asked) == 1
    conversation = rows[0].conversation
    for call in (
        lambda: reading.unread_of(cast.alice, rows),
        lambda: reading.left_at(cast.alice, conversation),
        lambda: reading.mark_read(conversation, {rows[0].pk: database_now()}, by=cast.alice),
    ):
        found = plans(call)
        assert found
        assert not [plan for plan in found if "Seq Scan on conversations_readmark" in plan], found
