from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, connection, transaction

from conversations import (
    handoffs,
    ownership,
    permissions,
)
from conversations.errors import NotAllowed
from conversations.models import (
    Agent,
    Entry,
    Offer,
    Ticket,
)
from conversations.templatetags.happenings import sentence
from tests import builders
from tests.builders import Cast
from tests.conversations.offering import accepted, offered, to_billing

if TYPE_CHECKING:
    pass


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's."""
    return ownership.take(builders.make_ticket(cast.inbox), by=cast.alice, epoch=1)


# What one may do by an offer


def test_an_offer_lets_one_act_while_it_stands(cast: Cast, ticket: Ticket) -> None:
    eve = builders.make_agent("Eve", cast.billing)
    with pytest.raises(NotAllowed):
        permissions.ticket_for(cast.charlie, ticket.pk, to="act")
    offer = to_billing(ticket, cast, agent=cast.charlie)
    assert permissions.ticket_for(cast.charlie, ticket.pk, to="act") == ticket
    assert permissions.conversation_for(cast.charlie, ticket.conversation_id, to="act")
    for load in (permissions.ticket_for, permissions.conversation_for):
        with pytest.raises(NotAllowed):
            load(
                eve,
                ticket.pk if load is permissions.ticket_for else ticket.conversation_id,
                to="act",
            )
    builders.run_out(offer)
    with pytest.raises(NotAllowed):
        permissions.ticket_for(cast.charlie, ticket.pk, to="act")
    with pytest.raises(NotAllowed):
        permissions.offer_for(eve, offer.pk, to="answer")
    assert permissions.offer_for(cast.charlie, offer.pk, to="answer") == offer


def test_who_declined_may_act_no_more(cast: Cast, ticket: Ticket) -> None:
    builders.make_agent("Dana", cast.billing)
    offer = to_billing(ticket, cast)
    assert ticket.may_act(cast.charlie)
    handoffs.decline(offer, by=cast.charlie, reason="No.")
    assert not ticket.may_act(cast.charlie)


# What the database itself refuses


def insert(offer: Offer, **changes: Any) -> None:
    """A second row like this one, written past our code."""
    row = Offer.objects.get(pk=offer.pk)
    row.pk = None
    for name, value in {"rev": row.rev + 1, **changes}.items():
        setattr(row, name, value)
    with transaction.atomic():
        row.save(force_insert=True)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_refuses_what_no_offer_can_be(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    with pytest.raises(IntegrityError, match="offer_one_open"):
        insert(offer)
    handoffs.recall(offer, by=cast.alice)
    fresh = {"state": "offered", "closed_at": None, "closed_by": None}
    wrong: dict[str, dict[str, Any]] = {
        "offer_made_at_epoch": {"from_epoch": 99},
        "offer_to_member": {"to_agent": cast.charlie},
        "offer_packet_lines": {"packet": {"asks": {}}},
        "offer_says_enough": {"to_team": cast.billing, "to_agent": None},
        "offer_lasts": {"expires_at": offer.offered_at + timedelta(hours=25)},
        "offer_state": {"state": "maybe", "closed_at": offer.offered_at},
        "offer_closed_at": {"closed_at": offer.offered_at},
        "offer_cause": {"cause": "taken"},
        "offer_accepted": {"seen_head": 1},
        "offer_declined": {"state": "declined", "closed_at": offer.offered_at},
    }
    for name, change in wrong.items():
        with pytest.raises(IntegrityError, match=name):
            insert(offer, **{**fresh, **change})
    with pytest.raises(IntegrityError, match="offer_accepted_as_epoch"):
        insert(
            offer,
            state="accepted",
            closed_by=cast.bob,
            accept_epoch=3,
            seen_head=offer.packet_head,
        )
    insert(offer, **fresh)


def test_nobody_leaves_with_an_offer_waiting_for_them(cast: Cast, ticket: Ticket) -> None:
    offered(ticket, cast)
    for change in (
        lambda: cast.bob.memberships.all().delete(),
        lambda: Agent.objects.filter(pk=cast.bob.pk).update(is_active=False),
    ):
        with pytest.raises(IntegrityError, match="offer_to_member"), transaction.atomic():
            change()


# What the thread tells


def sentences(ticket: Ticket, viewer: Agent) -> list[str]:
    events = Entry.objects.filter(ticket=ticket, kind="event").order_by("at")
    return [sentence(entry, viewer) for entry in events if entry.event not in ("opened", "taken")]


def test_the_thread_tells_it(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast, warm=False)
    handoffs.decline(offer, by=cast.bob, reason="Lunch.")
    builders.run_out(to_billing(ticket, cast, epoch=4))
    handoffs.expire_due()
    accepted(to_billing(ticket, cast, epoch=4), cast.charlie, restatement="I ask them.")
    assert sentences(ticket, cast.bob) == [
        "With Support until the offer is answered",
        "Alice offered this to you",
        "You declined the offer: Lunch.",
        "Back with Alice",
        "Alice offered this to Billing",
        "The offer to Billing was not answered in time",
        "Alice offered this to Billing",
        "Charlie accepted this: I ask them.",
    ]
    told = Entry.objects.filter(ticket=ticket, event="offer_accepted").get()
    assert told.data["offer"] == Offer.objects.get(state="accepted").pk


@pytest.mark.parametrize(
    ("how", "told"), [("skip", "Bob accepted this"), ("take", "ended: the owner changed")]
)
def test_how_an_offer_ended_is_told(cast: Cast, ticket: Ticket, how: str, told: str) -> None:
    offer = offered(ticket, cast)
    if how == "skip":
        accepted(offer, cast.bob)
    else:
        ownership.take(ticket, by=cast.bob, epoch=2)
    assert sentences(ticket, cast.alice)[-1].endswith(told)
