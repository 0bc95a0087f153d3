"""The laws as the desk asks itself: an intact one breaks none, and each broken row is named."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from conversations import bots, handoffs, ownership, presence, promises, replies, tickets
from conversations.invariants import checking
from conversations.invariants.laws import BY_KEY, LAWS
from conversations.models import (
    Agent,
    Draft,
    Entry,
    LawCheck,
    Membership,
    Offer,
    Ownership,
    Presence,
    Promise,
    Team,
    Ticket,
)
from conversations.packets import Line, Packet
from tests import builders
from tests.conversations.botting import acts, make_bot, taken
from tests.conversations.promising import promised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import Model

    from tests.builders import Cast

pytestmark = pytest.mark.django_db
PACKET = Packet(asks=Line("Where it is"), next=Line("Look"), reason=Line("Yours"))


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's."""
    return ownership.take(builders.make_ticket(cast.inbox), by=cast.alice, epoch=1)


@pytest.fixture
def offer(cast: Cast, ticket: Ticket) -> Offer:
    """Of Alice's ticket to Billing."""
    return handoffs.offer(ticket, team=cast.billing, by=cast.alice, epoch=2, packet=PACKET)


def lawless(*names: str) -> None:
    """Take away what keeps a row from being broken, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, name in (name.split(".") for name in names):
            cursor.execute(f"ALTER TABLE conversations_{table} DROP CONSTRAINT {name} CASCADE")


def set_(ticket: Ticket, **fields: object) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(**fields)


def two_owners(cast: Cast, offer: Offer) -> None:
    lawless("ticket.ticket_one_holder", "ticket.ticket_with_bot", "ownership.ownership_one_holder")
    bot = make_bot(cast.inbox)
    set_(offer.ticket, bot=bot)
    Ownership.objects.filter(epoch=2).update(bot=bot)


def disabled(cast: Cast, offer: Offer) -> None:
    lawless()
    Agent.objects.filter(pk=cast.alice.pk).update(is_active=False)


def left(cast: Cast, offer: Offer) -> None:
    lawless()
    Membership.objects.filter(agent=cast.alice).delete()


def nobody_there(cast: Cast, offer: Offer) -> None:
    lawless()
    Team.objects.filter(pk=cast.billing.pk).update(parent=None)
    builders.make_ticket(builders.make_inbox(cast.billing), "lee@example.org")
    Membership.objects.filter(team=cast.billing).update(active=False)


def other_owner(cast: Cast, offer: Offer) -> None:
    lawless()
    set_(offer.ticket, agent=cast.bob)


def gap(cast: Cast, offer: Offer) -> None:
    lawless()
    Ownership.objects.filter(epoch=1).delete()


def old_epoch(cast: Cast, offer: Offer) -> None:
    lawless("offer.offer_made_at_epoch")
    Offer.objects.update(from_epoch=1)


def offered_and_resolved(cast: Cast, offer: Offer) -> None:
    lawless()
    set_(
        offer.ticket, status="resolved", resolved_at=timezone.now(), deadline_at=None,
        deadline_kind="",
    )  # fmt: skip


def ran_out(cast: Cast, offer: Offer) -> None:
    builders.run_out(offer)
    moved = {"offered_at": timezone.now() - timedelta(minutes=2)}
    lawless()
    Offer.objects.update(**moved, expires_at=timezone.now() - timedelta(minutes=1))


def draft_left(cast: Cast, offer: Offer) -> None:
    head = builders.head_of(offer.ticket.conversation_id)
    handoffs.accept(offer, by=cast.charlie, seen_head=head, restatement=None)
    Draft.objects.create(ticket=offer.ticket, agent=cast.alice, mode="reply", text="Dear")
    Draft.objects.update(updated_at=timezone.now() - timedelta(hours=1))


def held_left(cast: Cast, offer: Offer) -> None:
    type(cast.inbox).objects.update(undo_window=timedelta(minutes=5))
    cast.inbox.refresh_from_db()
    held = builders.answer(offer.ticket, by=cast.alice, inbox=cast.inbox, to=builders.identity_of())
    head = builders.head_of(offer.ticket.conversation_id)
    handoffs.accept(offer, by=cast.charlie, seen_head=head, restatement=None)
    type(held).objects.update(agent=cast.alice, state="held")


def empty_packet(cast: Cast, offer: Offer) -> None:
    lawless("offer.offer_says_enough")
    Offer.objects.update(packet=Packet().stored())


def no_packet(cast: Cast, offer: Offer) -> None:
    lawless("offer.offer_says_enough", "offer.offer_packet_lines")
    Offer.objects.update(packet={})


def unseen_message(cast: Cast, offer: Offer) -> None:
    newest = builders.write_in(cast.inbox, tokens=(offer.ticket.token_id,))
    first = Entry.objects.filter(kind="message").exclude(pk=newest.pk).earliest("at")
    set_(offer.ticket, newest=first)


def unarmed(cast: Cast, offer: Offer) -> None:
    lawless("ticket.ticket_deadline_armed")
    set_(offer.ticket, deadline_at=None, deadline_kind="")


def wrongly_armed(cast: Cast, offer: Offer) -> None:
    set_(offer.ticket, deadline_kind="wake")


def sleeps_on(cast: Cast, offer: Offer) -> None:
    tickets.set_pending(offer.ticket, by=cast.alice)
    set_(offer.ticket, deadline_at=timezone.now() - timedelta(minutes=2))


def bot_keeps_it(cast: Cast, offer: Offer) -> None:
    bot = make_bot(cast.inbox, fallback=cast.billing)
    other = taken(builders.make_ticket(cast.inbox, "lee@example.org"), bot)
    set_(other, bot_until=timezone.now() - timedelta(minutes=2))


def forgotten_promise(cast: Cast, offer: Offer) -> None:
    promised(offer.ticket, cast)
    lawless("ticket.ticket_promise_armed")
    set_(offer.ticket, promised_at=None)


def promise_of_nothing(cast: Cast, offer: Offer) -> None:
    promised(offer.ticket, cast)
    lawless()
    Promise.objects.all().delete()


def to_the_gone(cast: Cast, offer: Offer) -> None:
    handoffs.recall(offer, by=cast.alice)
    handoffs.offer(
        offer.ticket, team=cast.billing, agent=cast.charlie, by=cast.alice, epoch=2, packet=PACKET
    )
    builders.make_agent("Dana", cast.billing)
    lawless()
    Membership.objects.filter(agent=cast.charlie).update(active=False)


def long_gone(cast: Cast, offer: Offer) -> None:
    handoffs.recall(offer, by=cast.alice)
    lawless()
    Offer.objects.all().delete()
    presence.renew([cast.alice.pk])
    ago = timezone.now() - timedelta(minutes=30)
    Presence.objects.update(online_until=ago, told="offline", told_at=ago)
    Entry.objects.update(at=ago)


def late_bot(cast: Cast, offer: Offer) -> None:
    bot = make_bot(cast.inbox, fallback=cast.billing)
    other = taken(builders.make_ticket(cast.inbox, "lee@example.org"), bot)
    assert acts(other, bot, epoch=other.owner_epoch)
    lawless()
    said = Entry.objects.get(bot=bot, kind="message")
    Entry.objects.filter(pk=said.pk).update(data={**said.data, "epoch": 1})


BROKEN: list[tuple[str, Callable[[Cast, Offer], None]]] = [
    ("one_owner", two_owners),
    ("owner_acts", disabled),
    ("owner_acts", left),
    ("team_acts", nobody_there),
    ("history_now", other_owner),
    ("history_whole", gap),
    ("offer_stands", old_epoch),
    ("offer_stands", offered_and_resolved),
    ("offer_closed", ran_out),
    ("goes_along", draft_left),
    ("goes_along", held_left),
    ("packet", empty_packet),
    ("packet", no_packet),
    ("newest", unseen_message),
    ("deadline", unarmed),
    ("deadline", wrongly_armed),
    ("wakes", sleeps_on),
    ("wakes", bot_keeps_it),
    ("promise", forgotten_promise),
    ("promise", promise_of_nothing),
    ("offered_to", to_the_gone),
    ("absent", long_gone),
    ("bot_at_epoch", late_bot),
]


@pytest.mark.parametrize(("key", "breaks"), BROKEN, ids=[f"{k}-{b.__name__}" for k, b in BROKEN])
def test_each_broken_row_is_named(
    cast: Cast, offer: Offer, key: str, breaks: Callable[[Cast, Offer], None]
) -> None:
    assert checking.unresolved() == checking.whole() == {}
    breaks(cast, offer)
    of_resolved = breaks is offered_and_resolved
    for found in (checking.unresolved(), checking.whole()):
        assert found.get(key), found
        assert of_resolved or found[key] == [Ticket.objects.latest("pk").pk], found


def test_every_law_has_a_row_that_breaks_it() -> None:
    assert {key for key, _breaks in BROKEN} == set(BY_KEY)
    assert {law.code for law in LAWS} == {f"H{number}" for number in range(1, 13)}


def test_a_desk_at_work_breaks_none(cast: Cast, offer: Offer) -> None:
    """What looks alike and is right: resolved ones of who left, accepted, put off, promised."""
    head = builders.head_of(offer.ticket.conversation_id)
    handoffs.accept(offer, by=cast.charlie, seen_head=head, restatement="Look")
    promises.keep(promised(offer.ticket, cast), by=cast.charlie)
    promised(offer.ticket, cast)
    tickets.set_pending(offer.ticket, by=cast.charlie)
    done = ownership.take(builders.make_ticket(cast.inbox, "lee@example.org"), by=cast.bob, epoch=1)
    replies.note(done, by=cast.bob, text="Done", client_token=uuid.uuid4())
    tickets.resolve(done, by=cast.bob)
    ownership.disable(cast.bob, by=cast.alice)
    bot = make_bot(cast.inbox, fallback=cast.billing)
    bots.take(builders.make_ticket(cast.inbox, "max@example.org"), by=bot, epoch=1)
    assert checking.unresolved() == checking.whole() == {}


def many(row: Model, **other: str) -> None:
    """Thousands of rows like this one, but for what is said of them in SQL (`n` counts them)."""
    fields = [
        one for one in type(row)._meta.concrete_fields if not (one.generated or one.primary_key)
    ]
    values = [other.get(one.column, one.column) for one in fields]
    columns = ", ".join(one.column for one in fields)
    table = type(row)._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} FROM {table},"
            f" generate_series(1, 3000) n WHERE id = %s",
            [row.pk],
        )
        cursor.execute(f"ANALYZE {table}")


def test_what_is_unresolved_is_read_by_partial_indexes(cast: Cast, offer: Offer) -> None:
    """Never the whole of a table that grows for ever."""
    promise, ticket = promised(offer.ticket, cast), offer.ticket
    lawless()
    over = {"status": "'resolved'", "resolved_at": "now()", "deadline_at": "NULL"}
    over |= {"deadline_kind": "''", "promised_at": "NULL", "otherwise_at": "NULL"}
    many(ticket, **over, otherwise_kind="''", token_id="left(md5(n::text), 12)")
    many(offer, state="'recalled'", closed_at="now()")
    many(promise, state="'kept'", closed_at="made_at", closed_epoch="epoch")
    many(Ownership.objects.latest("pk"), epoch="n + 1000")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {checking.OF_UNRESOLVED}")
        plan = cursor.fetchone()[0]
    nodes = list(nodes_of(plan if isinstance(plan, list) else json.loads(plan)))
    growing = {"ticket", "ownership", "entry", "offer", "promise", "heldsend", "delivery"}
    walked = {
        node["Relation Name"].removeprefix("conversations_")
        for node in nodes
        if node["Node Type"] == "Seq Scan"
    }
    assert not walked & growing
    indexes = {node["Index Name"] for node in nodes if "Index Name" in node}
    assert indexes >= {"ticket_astray", "ticket_holders", "ticket_promised"}
    assert indexes & {"offer_overdue", "offer_one_open", "offer_team", "offer_open_agent"}
    assert indexes & {"promise_by_due", "promise_of_ticket", "promise_once", "promise_to_warn"}


def nodes_of(plan: object) -> Iterator[dict[str, Any]]:
    """Every step of a plan."""
    parts = plan if isinstance(plan, list) else plan.values() if isinstance(plan, dict) else ()
    if isinstance(plan, dict) and "Node Type" in plan:
        yield plan
    for part in parts:
        yield from nodes_of(part)


# Looking at it by the clock


def test_a_look_is_kept(cast: Cast, offer: Offer) -> None:
    assert checking.check_unresolved() == {}
    kept = LawCheck.objects.get(sort="unresolved")
    assert kept.checked_at is not None and kept.broken == {}
    wrongly_armed(cast, offer)
    checking.check_unresolved()
    kept.refresh_from_db()
    assert kept.broken == {"deadline": [offer.ticket_id]}


def test_the_history_is_looked_at_once_a_night(cast: Cast, offer: Offer) -> None:
    assert checking.check_history()
    row = LawCheck.objects.get(sort="whole")
    first = row.checked_at
    assert first is not None and (row.reached, row.broken) == (0, {})
    gap(cast, offer)
    assert checking.check_history(first + timedelta(hours=1))
    row.refresh_from_db()
    assert row.checked_at == first
    assert checking.check_history(first + timedelta(hours=31))
    row.refresh_from_db()
    assert row.checked_at != first and row.broken == {"history_whole": [offer.ticket_id]}


@pytest.mark.parametrize(
    ("hours", "hour", "is_due"),
    [
        (1, 3, False),
        (12, 3, False),
        (21, 3, True),
        (21, 12, False),
        (29, 12, False),
        (31, 12, True),
    ],
)
def test_it_is_due_at_night_or_when_it_is_overdue(hours: int, hour: int, is_due: bool) -> None:
    now = datetime(2026, 3, 2, hour, tzinfo=UTC)
    row = LawCheck(sort="whole", checked_at=now - timedelta(hours=hours))
    assert checking.is_due(row, now) is is_due


def test_a_long_history_is_looked_at_bit_by_bit(
    cast: Cast, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gap(cast, offer)
    monkeypatch.setattr(checking, "BUDGET_SECONDS", -1.0)
    assert not checking.check_history()
    row = LawCheck.objects.get(sort="whole")
    assert (row.checked_at, row.reached) == (None, 0)
    monkeypatch.setattr(checking, "BUDGET_SECONDS", 20.0)
    # Ids go on from test to test: so many of them that it takes a few bits.
    monkeypatch.setattr(checking, "BIT", offer.ticket_id // 3 + 1)
    assert checking.check_history()
    row.refresh_from_db()
    assert row.broken == {"history_whole": [offer.ticket_id]}
