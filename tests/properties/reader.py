"""An open page: it loads a conversation once and lives on catch-up from then on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conversations import beside, timeline
from conversations.models import Conversation, HeldState, Identity, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.models import Agent, Entry, HeldSend, Offer, Promise
    from conversations.timeline import Changes

Row = dict[str, Any]
# A claimed delivery is still "on its way" to people: claiming raises no head.
SHOWN = {"sending": "queued"}


@dataclass
class Shown:
    """What the page shows, by row id."""

    entries: dict[int, Row] = field(default_factory=dict)
    tickets: dict[int, Row] = field(default_factory=dict)
    identities: dict[int, Row] = field(default_factory=dict)
    held: dict[int, Row] = field(default_factory=dict)
    offers: dict[int, Row] = field(default_factory=dict)
    promises: dict[int, Row] = field(default_factory=dict)


@dataclass
class Reader:
    """`conversation_id` is any id of the conversation, perhaps of one that was joined since."""

    conversation_id: int
    agent: Agent
    limit: int = timeline.CATCH_UP
    since: Callable[..., Changes] = timeline.since
    head: int = 0
    live_id: int = 0
    shown: Shown = field(default_factory=Shown)
    resets: int = 0
    rounds: int = 0

    def load(self) -> Reader:
        live = Conversation.objects.resolve(self.conversation_id)
        self.live_id = live.pk
        self.head, self.shown = fresh(live, self.agent)
        return self

    def catch_up(self) -> Reader:
        """Ask until there is nothing more, as the page does after each doorbell."""
        more = True
        while more:
            more = self.ask()
        return self

    def ask(self) -> bool:
        """One request. True while there is more to fetch."""
        self.rounds += 1
        live = Conversation.objects.resolve(self.conversation_id)
        changes = self.since(live, self.agent, self.head, limit=self.limit)
        if changes.reset or live.pk != self.live_id:
            self.resets += 1
            self.load()
            return False
        assert changes.head >= self.head
        assert changes.head > self.head or not changes.more
        self._apply(changes)
        self.head = changes.head
        return changes.more

    def _apply(self, changes: Changes) -> None:
        for entry in changes.entries:
            self.shown.entries[entry.pk] = card(entry)
        for ticket in changes.tickets:
            self.shown.tickets[ticket.pk] = matter(ticket)
        for identity in changes.identities:
            self.shown.identities[identity.pk] = address(identity)
        for held in changes.held:
            if held.state in (HeldState.HELD, HeldState.STOPPED):
                self.shown.held[held.pk] = waiting(held)
            else:
                self.shown.held.pop(held.pk, None)
        for offer in changes.offers:
            if offer.is_open:
                self.shown.offers[offer.pk] = offered(offer)
            else:
                self.shown.offers.pop(offer.pk, None)
        for promise in changes.promises:
            if promise.is_open:
                self.shown.promises[promise.pk] = promised(promise)
            else:
                self.shown.promises.pop(promise.pk, None)

    def assert_fresh(self) -> None:
        """What it shows is what a page loaded now shows."""
        head, now = fresh(Conversation.objects.resolve(self.conversation_id), self.agent)
        assert self.head == head
        assert self.shown == now


def fresh(live: Conversation, agent: Agent) -> tuple[int, Shown]:
    """The whole conversation as pages show it, and the head they were rendered with."""
    page = timeline.page(live, agent, first=True)
    head, entries = page.head, list(page.entries)
    while page.after:
        page = timeline.page(live, agent, after=page.after)
        entries += page.entries
    tickets = Ticket.objects.visible_to(agent).filter(conversation=live)
    return head, Shown(
        {entry.pk: card(entry) for entry in entries},
        {ticket.pk: matter(ticket) for ticket in tickets},
        {row.pk: address(row) for row in Identity.objects.filter(conversation=live)},
        {row.pk: waiting(row) for row in beside.held_sends(live, agent)},
        {row.pk: offered(row) for row in beside.offers(live, agent)},
        {row.pk: promised(row) for row in beside.promises(live, agent)},
    )


def card(entry: Entry) -> Row:
    delivery = getattr(entry, "delivery", None)
    return {
        "number": (entry.origin_id, entry.seq),
        "at": entry.at,
        "ticket": entry.ticket_id,
        "kind": entry.kind,
        "event": entry.event,
        "actor": entry.actor,
        "subject": entry.subject,
        "text": entry.text,
        "data": entry.data,
        "late": entry.late,
        "withdrawn": entry.withdrawn_at,
        "delivery": delivery
        and (
            SHOWN.get(delivery.state, delivery.state),
            delivery.error_code,
            delivery.error,
            delivery.sent_at,
            delivery.queued_at,
        ),
        "files": [
            (row.pk, row.filename, row.state, row.reason, row.size, row.storage_key)
            for row in entry.attachments.all()
        ],
        "promises": [
            (row.pk, row.text, row.due_at, row.state, row.late)
            for row in entry.said_promises  # type: ignore[attr-defined]
        ],
    }


def matter(ticket: Ticket) -> Row:
    names = (
        "subject status priority labels restriction team_id agent_id bot_id owner_epoch deadline_at"
        " deadline_kind promised_at resolved_at active_at newest_id"
    )
    return {name: getattr(ticket, name) for name in names.split()}


def address(identity: Identity) -> Row:
    names = "kind value label proof wrote_at undeliverable_at undeliverable_reason blocked_at"
    return {name: getattr(identity, name) for name in names.split()}


def waiting(held: HeldSend) -> Row:
    return {"state": held.state, "text": held.payload["text"], "release_at": held.release_at}


def offered(offer: Offer) -> Row:
    names = (
        "ticket_id state warm from_team_id from_agent_id from_epoch to_team_id to_agent_id"
        " offered_by_id packet gathered packet_head offered_at"
    )
    declined = {(row.agent_id, row.reason) for row in offer.declines.all()}
    return {**{name: getattr(offer, name) for name in names.split()}, "declined": declined}


def promised(promise: Promise) -> Row:
    names = "ticket_id text channel due_at warned_at state made_by_id entry_id"
    return {name: getattr(promise, name) for name in names.split()}
