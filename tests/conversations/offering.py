"""Offers as most tests make them."""

from __future__ import annotations

from typing import Any

from conversations import handoffs
from conversations.models import Agent, Offer, Ticket
from conversations.packets import Line, Packet
from tests import builders
from tests.builders import Cast

PACKET = Packet(
    asks=Line("Where the parcel is."),
    next=Line("Ask the carrier."),
    reason=Line("Only Billing sees the carrier."),
)


def offered(ticket: Ticket, cast: Cast, to: Agent | None = None, **fields: Any) -> Offer:
    """By Alice, to Bob unless others are given."""
    told: dict[str, Any] = {"team": cast.support, "by": cast.alice, "epoch": 2, **fields}
    if "team" not in fields:
        told["agent"] = to or cast.bob
    return handoffs.offer(ticket, **told)


def to_billing(ticket: Ticket, cast: Cast, **fields: Any) -> Offer:
    return offered(ticket, cast, **{"team": cast.billing, "packet": PACKET, **fields})


def accepted(offer: Offer, by: Agent, **fields: Any) -> Offer:
    told = {"seen_head": builders.head_of(offer.ticket.conversation_id), "restatement": None}
    return handoffs.accept(offer, by=by, **{**told, **fields})


def owner(ticket: Ticket) -> tuple[int, int | None]:
    found = Ticket.objects.get(pk=ticket.pk)
    return found.team_id, found.agent_id


def now(offer: Offer) -> Offer:
    return Offer.objects.get(pk=offer.pk)
