"""Where everything happens: teams, people and inboxes, and a ledger kept outside our code."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from conversations import (
    intake,
)
from conversations.models import (
    Agent,
    Bot,
    Conversation,
    Delivery,
    Entry,
    HeldSend,
    Identity,
    Membership,
    Merge,
    Offer,
    Presence,
    Promise,
    Ticket,
)
from conversations.packets import Line, Packet
from conversations.thread import database_now
from tests import builders
from tests.conversations.on_shift import shift_of
from tests.properties.reader import Reader

pick = st.integers(min_value=0, max_value=10_000)
senders = st.sampled_from([f"customer{number}@example.org" for number in range(4)])
few = st.integers(min_value=1, max_value=4)
COMPARED = 8
LONG_SHIFT = timedelta(hours=8)
# What is late until the next sweep breaks these, and here no sweep comes by itself.
SWEPT = ("offer_closed", "wakes", "absent")
LONG_AGO = timedelta(hours=1)
PACKET = Packet(asks=Line("Where it is"), next=Line("Ask the carrier"), reason=Line("Theirs"))


class Crash(Exception):
    """The process died before it could commit."""


@dataclass
class Ledger:
    """What was told to us and what we said, by our own count."""

    arrived: dict[str, str] = field(default_factory=dict)
    said: dict[uuid.UUID, str] = field(default_factory=dict)
    noted: dict[uuid.UUID, str] = field(default_factory=dict)


@dataclass
class Joined:
    """A join, and how every entry and ticket was before it."""

    row: Merge
    entries: dict[int, tuple[Any, ...]]
    moved_since: set[int] = field(default_factory=set)


OWNER_CHANGED = (
    *("assigned", "taken", "released", "moved_team", "offer_accepted", "returned", "lent"),
)


def times_promised(ticket: Ticket) -> int:
    """How many promises of it are open."""
    return Promise.objects.filter(ticket=ticket, state="open").count()


def owner_of(ticket: Ticket) -> tuple[int, int | None, int]:
    """Whose it is now, and the epoch."""
    return Ticket.objects.values_list("team", "agent", "owner_epoch").get(pk=ticket.pk)


def returned_to(offer: Offer) -> int | None:
    """By our own count: the agent whose it was, unless they can't act there any more."""
    place = Membership.objects.filter(team=offer.from_team_id, agent=offer.from_agent_id)
    by_the_desk = offer.warm and offer.offered_by_id is None
    if (by_the_desk or offer.to_shift_id) and offer.from_agent_id not in who_is_here():
        return None
    return offer.from_agent_id if place.filter(active=True).exists() else None


def who_is_here() -> set[int]:
    """By our own count: who has a page open and is not offline by choice."""
    rows = Presence.objects.filter(online_until__gt=database_now(), agent__is_active=True)
    return set(rows.exclude(agent__chosen_state="offline").values_list("pk", flat=True))


def who_declined(ticket: Ticket) -> set[int]:
    """Who has said no to it, whenever."""
    return {
        one
        for offer in ticket.offers.all()
        for one in offer.declines.values_list("agent", flat=True)
    }


def unread_by(ticket: Ticket, author: Agent, seen: int) -> set[int]:
    """By our own count: what the author has to read before answering."""
    teams = set(author.memberships.values_list("team_id", flat=True))
    rows = Entry.objects.filter(conversation=ticket.conversation_id, rev__gt=seen)
    return {
        row.pk
        for row in rows.exclude(actor=author.actor).select_related("ticket")
        if row.kind != "event" or row.event in OWNER_CHANGED
        if row.ticket is None or not row.ticket.restriction or row.ticket.team_id in teams
    }


def rows_now() -> list[tuple[Any, ...]]:
    return list(
        Entry.objects.order_by("pk").values_list("pk", "origin", "seq", "at", "ticket", "text")
    )


def everything() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values_list())
        for model in (
            *(Conversation, Entry, Ticket, Identity, Delivery, HeldSend, Membership, Offer),
            Promise,
        )
    ]


def family_after_undo(row: Merge) -> set[int]:
    """By our own count: who hangs on the joined conversation by joins that still stand."""
    standing = [(each.origins[-1], each.into_id) for each in Merge.objects.filter(undone_at=None)]
    family = {row.origins[-1]}
    grown = True
    while grown:
        more = {home for home, into in standing if into in family} - family
        grown = bool(more)
        family |= more
    return family


class Floor(RuleBasedStateMachine):
    """The desk, and our own count of what was told and said."""

    open = False

    @initialize()
    def open_desk(self) -> None:
        cast = builders.make_cast()
        self.teams = [cast.support, cast.billing]
        for team, rule_of_team in zip(self.teams, ("least_loaded", "round_robin"), strict=True):
            team.assigns, team.is_last_stop = rule_of_team, team == cast.support
            team.save()
        self.agents = [cast.alice, cast.bob, cast.charlie]
        self.shift = shift_of(cast.support, "Early", cast.alice)
        shift_of(cast.support, "Late", cast.bob, begins=timedelta(minutes=-5), ends=LONG_SHIFT)
        self.boss = builders.make_agent("Dana", cast.support, role="admin")
        self.inboxes = [
            cast.inbox,
            # For longer than all steps take: no reply goes out by itself between them.
            builders.make_inbox(cast.billing, "Billing mail", undo_window=timedelta(hours=1)),
            builders.make_inbox(cast.support, "Texts", kind="twilio_sms"),
            builders.make_inbox(cast.billing, "Legal", restriction="legal"),
        ]
        for place in self.inboxes[:2]:
            Bot.objects.create(name="Robin", team=place.team, inbox=place, fallback=cast.billing)
        self.reader = builders.make_agent("Erin", cast.billing)
        self.ledger = Ledger()
        self.joins: list[Joined] = []
        self.heads: dict[int, int] = {}
        self.readers: dict[int, Reader] = {}
        self.steps = 0
        self.messages: list[intake.Inbound] = []
        self._begin()

    def _ticket(self, number: int) -> Ticket | None:
        rows = list(Ticket.objects.select_related("team").order_by("pk"))
        return rows[number % len(rows)] if rows else None

    def _active(self, number: int) -> Agent | None:
        agent = Agent.objects.get(pk=self.agents[number % 3].pk)
        return agent if agent.is_active else None

    def _begin(self) -> None:
        """What has happened before anything is tried."""
