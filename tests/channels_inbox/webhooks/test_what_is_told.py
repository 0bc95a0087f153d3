"""What webhooks tell, and who may see it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from channels_inbox.models import Stopped, Webhook
from channels_inbox.webhooks import keeping
from conversations import merges, tickets
from conversations.models import Agent, Attachment, Entry, Membership, Role, Ticket
from tests.builders import (
    Cast,
    answer,
    conversation_of,
    identity_of,
    make_agent,
    make_inbox,
    make_ticket,
    write_in,
)
from tests.channels_inbox.webhooks.consumer import Consumer
from tests.channels_inbox.webhooks.telling import listening, note, tell

if TYPE_CHECKING:
    pass


pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


# What is told


def test_what_happens_is_told_signed_and_once(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    ticket = make_ticket(cast.inbox)
    answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of())
    note(ticket, cast.alice)
    tickets.resolve(ticket, by=cast.alice)
    told = webhook.calls.count()
    assert tell() == told
    assert consumer.types[0] == "ticket.opened"
    assert {"message.received", "message.sent", "note.added", "ticket.resolved"} <= set(
        consumer.types
    )
    assert len(set(consumer.names)) == len(consumer.calls) == told
    assert (consumer.forged, consumer.in_order()) == (0, True)
    assert tell() == 0
    assert set(webhook.calls.values_list("state", "status")) == {("done", 204)}


def test_the_body_has_the_shapes_of_the_api_and_no_html(
    cast: Cast, consumer: Consumer, admin: Agent
) -> None:
    listening(consumer, admin, "message.received")
    entry = write_in(cast.inbox, html="<p>Secret markup</p>")
    Attachment.objects.create(
        entry=entry, conversation_id=entry.conversation_id, filename="a.txt", size=3
    )
    tell()
    [call] = consumer.calls
    assert set(call.told) == {"type", "timestamp", "data"}
    assert call.told["timestamp"].endswith("Z")
    data = call.told["data"]
    assert (data["entry"]["id"], data["entry"]["text"]) == (entry.pk, "My order has not come.")
    assert (data["ticket"]["id"], data["ticket"]["status"]) == (entry.ticket_id, "open")
    assert data["customer"]["id"] == entry.conversation_id
    [file] = data["entry"]["files"]
    assert file["url"].endswith(f"/api/v1/files/{file['id']}/content/")
    assert "markup" not in str(call.told)


def test_only_what_was_chosen_is_told(cast: Cast, consumer: Consumer, admin: Agent) -> None:
    webhook = listening(consumer, admin, "ticket.resolved")
    ticket = make_ticket(cast.inbox)
    tickets.resolve(ticket, by=cast.alice)
    assert list(webhook.calls.values_list("type", flat=True)) == ["ticket.resolved"]


def test_one_that_is_off_gets_nothing_written_down(
    cast: Cast, webhook: Webhook, admin: Agent
) -> None:
    keeping.switch_off(webhook, by=admin)
    make_ticket(cast.inbox)
    assert webhook.calls.count() == 0


def test_a_change_that_is_rolled_back_is_not_told(cast: Cast, webhook: Webhook) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        make_ticket(cast.inbox)
        assert webhook.calls.exists()
        _ = 1 / 0
    assert not webhook.calls.exists()


def test_many_rows_in_one_statement_are_told_in_their_order(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    ticket = make_ticket(cast.inbox)
    last = Entry.objects.order_by("-pk")[0]
    shared = ("conversation", "origin", "ticket", "actor")
    Entry.objects.bulk_create(
        Entry(
            **{name: getattr(last, name) for name in shared},
            kind="note",
            seq=last.seq + 100 + number,
            at=last.at + SECOND * (number + 1),
            rev=last.rev,
            text=str(number),
        )
        for number in range(30)
    )
    tell()
    notes = [call for call in consumer.calls if call.type == "note.added"]
    assert [call.told["data"]["entry"]["text"] for call in notes] == [
        str(number) for number in range(30)
    ]
    assert webhook.calls.filter(ticket=ticket).count() == len(consumer.calls)


def test_rows_that_are_copied_in_are_told(cast: Cast, webhook: Webhook) -> None:
    last = Entry.objects.get(pk=write_in(cast.inbox).pk)
    before = webhook.calls.count()
    row = (last.conversation_id, last.origin_id, last.ticket_id, last.at.isoformat())
    with connection.cursor() as cursor:
        columns = (
            "conversation_id, origin_id, ticket_id, at, seq, rev, kind, direction, actor,"
            " client_token"
        )
        with cursor.copy(f"COPY conversations_entry ({columns}) FROM STDIN") as copy:
            for number in range(3):
                copy.write_row((*row, 900 + number, 1, "note", "", "system", uuid.uuid4()))
    assert webhook.calls.count() == before + 3


# Who may see what is told


def test_restricted_matters_are_told_only_as_far_as_the_agent_sees_them(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent
) -> None:
    legal = make_inbox(cast.support, "Legal box", restriction="legal")
    ticket = make_ticket(legal, "lee@example.org", text="Between us.")
    tell()
    assert consumer.calls == []
    assert set(webhook.calls.values_list("state", flat=True)) == {"left_out"}
    Membership.objects.create(team=cast.support, agent=admin)
    note(ticket, cast.alice)
    tell()
    assert consumer.types == ["note.added"]


def test_what_counts_is_what_may_be_seen_when_it_is_sent(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    ticket = make_ticket(cast.inbox)
    Ticket.objects.filter(pk=ticket.pk).update(restriction="legal")
    tell()
    assert consumer.tries == []


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.SUPERVISOR}])
def test_that_of_who_is_no_admin_any_more_stops(
    cast: Cast, consumer: Consumer, webhook: Webhook, admin: Agent, change: dict[str, Any]
) -> None:
    make_ticket(cast.inbox)
    Agent.objects.filter(pk=admin.pk).update(**change)
    assert tell() == 0
    keeping.tidy()
    webhook = Webhook.objects.get(pk=webhook.pk)
    assert webhook.stopped_for == Stopped.AGENT
    other = make_agent("Otto", role=Role.ADMIN)
    keeping.change(webhook, name="Shop", url=consumer.url, types=[], by=other)
    keeping.start(webhook, by=other)
    tell()
    assert len(consumer.calls) == webhook.calls.count() > 0


def test_a_joined_customer_and_a_moved_message_are_told_where_they_are_now(
    cast: Cast, consumer: Consumer, webhook: Webhook
) -> None:
    first = make_ticket(cast.inbox)
    second = make_ticket(cast.inbox, "lee@example.org")
    merges.merge(
        conversation_of(), conversation_of("lee@example.org"), by=cast.alice, reason="One."
    )
    moved = second.entries.get(kind="message")
    tickets.move_entry(moved, to=Ticket.objects.get(pk=first.pk), by=cast.alice)
    tell()
    told = {call.entry: call for call in consumer.calls}
    assert len(told) == webhook.calls.count()
    assert told[moved.pk].ticket == first.pk
    live = conversation_of().pk
    assert {call.told["data"]["customer"]["id"] for call in consumer.calls} == {live}
    assert "ticket.moved" in consumer.types
