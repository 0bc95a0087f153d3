"""The locked conversation and its numbers."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from conversations import replies
from conversations.models import Agent, Conversation, Entry, Kind, Ownership, Ticket
from conversations.thread import SYSTEM, lock_live, locked
from tests import builders
from tests.builders import Cast


def test_each_entry_takes_the_next_number_moment_and_change(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    before = Conversation.objects.get(pk=ticket.conversation_id)
    with locked(ticket.origin_id) as thread:
        entries = [thread.event(ticket, "renamed", by=SYSTEM) for _ in range(3)]
    after = Conversation.objects.get(pk=ticket.conversation_id)
    assert [entry.seq for entry in entries] == [before.last_seq + n for n in (1, 2, 3)]
    assert [entry.rev for entry in entries] == [before.head + n for n in (1, 2, 3)]
    assert entries[0].at < entries[1].at < entries[2].at == after.last_at
    assert (after.last_seq, after.head) == (before.last_seq + 3, before.head + 3)


def test_what_breaks_under_the_lock_leaves_nothing(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    before = Conversation.objects.filter(pk=ticket.conversation_id).values().get()
    with pytest.raises(ZeroDivisionError), locked(ticket.origin_id) as thread:
        thread.event(ticket, "renamed", by=SYSTEM)
        raise ZeroDivisionError
    assert Conversation.objects.filter(pk=ticket.conversation_id).values().get() == before
    assert not Entry.objects.filter(event="renamed").exists()


def test_a_conversation_that_never_was_can_not_be_locked(db: None) -> None:
    with pytest.raises(Conversation.DoesNotExist), locked(404):
        pass


def test_many_are_locked_by_origin(cast: Cast) -> None:
    one, two = (builders.make_ticket(cast.inbox, f"{n}@example.org") for n in range(2))
    with transaction.atomic():
        live, now = lock_live([two.origin_id, one.origin_id, one.origin_id])
    assert {origin: row.pk for origin, row in live.items()} == {
        one.origin_id: one.conversation_id,
        two.origin_id: two.conversation_id,
    }
    assert now >= one.opened_at


# What the database itself refuses, whatever the code above it does.


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        ("UPDATE conversations_ticket SET deadline_at = NULL", "ticket_deadline_armed"),
        ("UPDATE conversations_ticket SET deadline_kind = ''", "ticket_deadline_armed"),
        ("UPDATE conversations_ticket SET status = 'resolved'", "ticket_deadline_armed"),
        ("UPDATE conversations_ticket SET team_id = NULL", "not-null"),
        ("UPDATE conversations_ticket SET agent_id = {charlie}", "ticket_agent_is_member"),
        ("UPDATE conversations_ticket SET bot_id = {bot}", "ticket_one_holder"),
        (
            "UPDATE conversations_ticket SET agent_id = NULL, bot_id = {foreign_bot},"
            " bot_until = now(), bot_fallback_id = team_id",
            "ticket_bot_of_team",
        ),
        ("UPDATE conversations_ticket SET team_id = {billing}", "ticket_agent_is_member"),
        ("UPDATE conversations_ticket SET agent_id = {bob}", "ticket_current_ownership"),
        ("UPDATE conversations_ticket SET owner_epoch = 9", "ticket_current_ownership"),
        ("UPDATE conversations_agent SET is_active = false WHERE id = {alice}", "ticket_agent_is"),
        ("DELETE FROM conversations_membership WHERE agent_id = {alice}", "ticket_agent_is_member"),
        (
            "UPDATE conversations_membership SET active = false WHERE agent_id = {alice}",
            "violates foreign key",
        ),
        ("UPDATE conversations_ownership SET epoch = 7", "Cannot update"),
        ("DELETE FROM conversations_ownership", "Cannot update or delete"),
        ("DELETE FROM conversations_entry", "Cannot delete"),
        ("UPDATE conversations_entry SET seq = seq + 100", "Cannot update"),
        ("UPDATE conversations_entry SET at = now()", "Cannot update"),
        ("UPDATE conversations_entry SET origin_id = {other}", "Cannot update"),
        ("UPDATE conversations_entry SET ticket_id = NULL", "entry_has_ticket"),
        ("UPDATE conversations_entry SET proof = '' WHERE direction = 'in'", "entry_inbound_proof"),
        ("UPDATE conversations_conversation SET merged_into_id = id", "conversation_not_self"),
        ("UPDATE conversations_conversation SET reset_head = head + 1", "conversation_counters"),
        ("UPDATE conversations_identity SET value = ''", "identity_value"),
        (
            "INSERT INTO conversations_identity (kind, value, origin_id, conversation_id, rev,"
            " proof, created_at) SELECT kind, value, {other}, {other}, 1, 'claimed', now()"
            " FROM conversations_identity WHERE value = 'kim@example.org'",
            "identity_once",
        ),
        (
            "INSERT INTO conversations_arrival (inbox_id, external_id, scope, is_first, entry_id)"
            " SELECT inbox_id, external_id, scope, false, entry_id FROM conversations_arrival",
            "arrival_once",
        ),
        (
            "INSERT INTO conversations_arrival (inbox_id, external_id, scope, is_first, entry_id)"
            " SELECT {second_inbox}, external_id, scope, true, entry_id"
            " FROM conversations_arrival",
            "arrival_first",
        ),
        (
            "INSERT INTO conversations_ownership (ticket_id, epoch, team_id, since, actor)"
            " SELECT ticket_id, epoch, team_id, since, actor FROM conversations_ownership",
            "ownership_",
        ),
    ],
)
def test_the_database_refuses(cast: Cast, statement: str, law: str) -> None:
    from conversations import ownership
    from conversations.models import Bot

    ticket = builders.make_ticket(cast.inbox)
    ownership.take(ticket, by=cast.alice, epoch=1)
    other = builders.make_ticket(cast.inbox, "other@example.org")
    Ticket.objects.filter(pk=other.pk).update(subject="left alone")
    ids: dict[str, Any] = {
        "alice": cast.alice.pk,
        "bob": cast.bob.pk,
        "charlie": cast.charlie.pk,
        "billing": cast.billing.pk,
        "other": other.conversation_id,
        "second_inbox": builders.make_inbox(cast.billing).pk,
        "bot": Bot.objects.create(name="Helper", team=cast.support).pk,
        "foreign_bot": Bot.objects.create(name="Stranger", team=cast.billing).pk,
    }
    if statement.startswith("UPDATE conversations_ticket"):
        statement += f" WHERE id = {ticket.pk}"
    refusal = pytest.raises(DatabaseError, match=law)
    with refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(**ids))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_number_is_given_once(cast: Cast) -> None:
    entry = builders.write_in(cast.inbox)
    with pytest.raises(IntegrityError, match="entry_number"), transaction.atomic():
        Entry.objects.create(
            conversation=entry.conversation,
            origin=entry.origin,
            seq=entry.seq,
            at=entry.at,
            rev=99,
            ticket=entry.ticket,
            actor="system",
            kind=Kind.EVENT,
            event="opened",
        )


def test_a_client_token_is_used_once(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    token = uuid.uuid4()
    note = replies.note(ticket, by=cast.alice, text="One", client_token=token)
    with pytest.raises(IntegrityError, match="entry_client_token"), transaction.atomic():
        Entry.objects.create(
            conversation=note.conversation,
            origin=note.origin,
            seq=note.seq + 1,
            at=note.at,
            rev=99,
            ticket=ticket,
            actor=cast.alice.actor,
            kind=Kind.NOTE,
            text="Two",
            client_token=token,
        )


def test_a_resolved_ticket_holds_nobody_back(cast: Cast) -> None:
    """Who owned it may leave; history still names them."""
    from conversations import ownership, tickets

    ticket = builders.make_ticket(cast.inbox)
    ownership.take(ticket, by=cast.alice, epoch=1)
    tickets.resolve(ticket, by=cast.alice)
    ownership.disable(cast.alice, by=cast.bob)
    ticket.refresh_from_db()
    assert ticket.agent_id == cast.alice.pk
    assert not Agent.objects.get(pk=cast.alice.pk).is_active
    assert list(Ownership.objects.order_by("epoch").values_list("epoch", "agent")) == [
        (1, None),
        (2, cast.alice.pk),
    ]
