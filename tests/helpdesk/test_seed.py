"""A small seeded desk obeys every rule of a large one."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from conversations import desk, search, timeline
from conversations.models import (
    Agent,
    Arrival,
    Conversation,
    Delivery,
    Entry,
    Identity,
    Membership,
    Reference,
    Ticket,
)
from helpdesk.seeding import load
from helpdesk.seeding.set_aside import definitions
from helpdesk.seeding.tables import COLUMNS

pytestmark = pytest.mark.django_db(transaction=True)

SMALL = {"customers": 40, "tickets": 200, "entries": 300, "long": 60}


def seeded() -> None:
    call_command("seed", **SMALL, verbosity=0)


def schema() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        return {(one.name, one.table) for one in definitions(cursor, list(COLUMNS))}


def rows(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def test_makes_what_was_asked_for() -> None:
    seeded()
    assert Ticket.objects.count() == SMALL["tickets"]
    assert Entry.objects.count() == SMALL["entries"]
    assert Conversation.objects.count() == SMALL["customers"]
    assert Conversation.objects.order_by("-last_seq")[0].last_seq >= SMALL["long"]


def test_puts_every_index_and_constraint_back() -> None:
    before = schema()
    seeded()
    assert schema() == before


def test_leaves_nothing_behind_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema()

    def broken(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(load, "_raise_sequences", broken)
    with pytest.raises(RuntimeError):
        seeded()
    assert schema() == before
    assert not Entry.objects.exists()
    assert not Agent.objects.exists()


def test_numbers_have_no_gap_and_counters_agree() -> None:
    seeded()
    assert not rows("""
        SELECT c.id FROM conversations_conversation c LEFT JOIN conversations_entry e
          ON e.origin_id = c.id
        GROUP BY c.id HAVING count(e.id) <> c.last_seq OR max(e.seq) <> c.last_seq
          OR max(e.at) <> c.last_at OR max(e.rev) > c.head
    """)
    assert not rows("""
        SELECT a.id FROM conversations_entry a JOIN conversations_entry b
          ON b.origin_id = a.origin_id AND b.seq = a.seq + 1 WHERE b.at <= a.at OR b.rev <= a.rev
    """)


def test_each_change_has_a_number_of_its_own() -> None:
    seeded()
    assert not rows("""
        SELECT conversation_id, rev FROM (
          SELECT conversation_id, rev FROM conversations_entry
          UNION ALL SELECT conversation_id, rev FROM conversations_ticket
          UNION ALL SELECT conversation_id, rev FROM conversations_identity
          UNION ALL SELECT conversation_id, rev FROM conversations_delivery
        ) changes GROUP BY 1, 2 HAVING count(*) > 1
    """)


def test_messages_have_arrivals_names_and_deliveries() -> None:
    seeded()
    inbound = Entry.objects.filter(direction="in")
    outbound = Entry.objects.filter(direction="out")
    assert Arrival.objects.count() == inbound.count()
    assert (
        Delivery.objects.count() == outbound.count() == Reference.objects.filter(ours=True).count()
    )
    assert not Delivery.objects.exclude(state="sent").exists()
    assert not inbound.exclude(identity__in=Identity.objects.all()).exists()


def test_owners_are_active_members_with_a_whole_history() -> None:
    seeded()
    for ticket in Ticket.objects.prefetch_related("ownerships"):
        epochs = sorted(row.epoch for row in ticket.ownerships.all())
        assert epochs == list(range(1, ticket.owner_epoch + 1))
        if ticket.agent_id:
            assert Membership.objects.filter(team=ticket.team_id, agent=ticket.agent_id).exists()


def test_is_read_like_any_other_desk() -> None:
    seeded()
    agent = Agent.objects.get(email="support-1@seed.example")
    assert desk.listing(agent, folder="all", status="resolved").tickets
    longest = Conversation.objects.order_by("-last_seq")[0]
    assert len(timeline.page(longest, agent).entries) == timeline.PAGE
    assert search.search(agent, "the").entries


def test_goes_on_where_the_rows_end() -> None:
    seeded()
    customer = Conversation.objects.order_by("-pk")[0].customer
    customer.pk = None
    customer.save()
    assert customer.pk == SMALL["customers"] + Conversation.objects.order_by("pk")[0].pk


def test_refuses_a_desk_in_use_unless_forced() -> None:
    seeded()
    with pytest.raises(CommandError, match="--force"):
        seeded()
    call_command("seed", **SMALL, force=True, verbosity=0)
    assert Ticket.objects.count() == 2 * SMALL["tickets"]


def test_refuses_numbers_that_do_not_fit() -> None:
    with pytest.raises(CommandError, match="--entries"):
        call_command("seed", customers=1, tickets=10, entries=5, long=0)


def test_the_same_seed_makes_the_same_history() -> None:
    seeded()
    first = list(Entry.objects.order_by("pk").values_list("text", "seq", "direction"))
    call_command("seed", **SMALL, force=True, verbosity=0)
    again = list(Entry.objects.order_by("pk").values_list("text", "seq", "direction"))
    assert again[len(first) :] == first
