"""What tests begin with. The cast: Alice owns, Bob is her teammate, Charlie is of another team."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from conversations import intake, replies
from conversations.customers import Address
from conversations.going_out import Outgoing
from conversations.models import (
    Agent,
    Conversation,
    Entry,
    Identity,
    Inbox,
    Membership,
    Offer,
    Team,
    Ticket,
)
from conversations.thread import MICROSECOND

if TYPE_CHECKING:
    from conversations.models import HeldSend

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Cast:
    """Alice and Bob are in Support, Charlie in Billing; `inbox` is Support's and sends at once."""

    support: Team
    billing: Team
    alice: Agent
    bob: Agent
    charlie: Agent
    inbox: Inbox


def make_team(name: str = "", **fields: Any) -> Team:
    return Team.objects.create(name=name or f"Team {next(_numbers)}", **fields)


def make_agent(name: str = "", *teams: Team, **fields: Any) -> Agent:
    """An agent of these teams; signs in as <first name>@desk.example with the password "secret"."""
    name = name or f"Agent{next(_numbers)}"
    email = f"{name.split()[0].lower()}@desk.example"
    agent = Agent.objects.create_user(email, "secret", name=name, **fields)
    for team in teams:
        Membership.objects.create(team=team, agent=agent, active=agent.is_active)
    return agent


def make_inbox(team: Team, name: str = "", **fields: Any) -> Inbox:
    """A mail inbox of a team; replies go out at once unless an `undo_window` is given."""
    name = name or f"Inbox {next(_numbers)}"
    fields.setdefault("kind", "email")
    fields.setdefault("undo_window", timedelta(0))
    if fields["kind"] == "email":
        fields.setdefault("address", f"inbox{next(_numbers)}@desk.example")
    return Inbox.objects.create(team=team, name=name, **fields)


def make_cast() -> Cast:
    support, billing = make_team("Support"), make_team("Billing")
    return Cast(
        support,
        billing,
        make_agent("Alice", support),
        make_agent("Bob", support),
        make_agent("Charlie", billing),
        make_inbox(support, "Support mail", address="support@desk.example"),
    )


def inbound(inbox: Inbox, sender: str = "kim@example.org", **fields: Any) -> intake.Inbound:
    """A message of a customer, with a name of its own unless `external_id` is given."""
    fields.setdefault("external_id", f"<{uuid.uuid4()}@example.org>")
    fields.setdefault("proof", "aligned")
    fields.setdefault("text", "My order has not come.")
    kind = fields.pop("kind", "email")
    label = fields.pop("label", "")
    return intake.Inbound(inbox=inbox, sender=Address(kind, sender, label=label), **fields)


def write_in(inbox: Inbox, sender: str = "kim@example.org", **fields: Any) -> Entry:
    """A customer's message, threaded."""
    entry = intake.receive(inbound(inbox, sender, **fields)).entry
    assert entry is not None
    return entry


def make_ticket(inbox: Inbox, sender: str = "kim@example.org", **fields: Any) -> Ticket:
    """A ticket that a customer's message opened."""
    return ticket_of(write_in(inbox, sender, **fields))


def ticket_of(entry: Entry | None) -> Ticket:
    """The ticket of an entry, as it is now."""
    assert entry is not None
    assert entry.ticket_id is not None
    return Ticket.objects.select_related("team", "agent", "conversation").get(pk=entry.ticket_id)


def run_out(offer: Offer) -> Offer:
    """Its time is over, and nobody has looked yet."""
    Offer.objects.filter(pk=offer.pk).update(expires_at=offer.offered_at + MICROSECOND)
    return offer


def newest_of(ticket: Ticket) -> Entry:
    """The newest entry of a ticket, as it is now."""
    ticket.refresh_from_db()
    assert ticket.newest is not None
    return ticket.newest


def identity_of(sender: str = "kim@example.org", kind: str = "email") -> Identity:
    return Identity.objects.get(kind=kind, value=sender)


def conversation_of(sender: str = "kim@example.org") -> Conversation:
    """The live conversation of an address."""
    return Conversation.objects.get(pk=identity_of(sender).conversation_id)


def head_of(conversation_id: int) -> int:
    return Conversation.objects.values_list("head", flat=True).get(pk=conversation_id)


def outgoing(
    to: Identity, inbox: Inbox, text: str = "It is on its way.", **fields: Any
) -> Outgoing:
    return Outgoing(text=text, identity=to.pk, inbox=inbox.pk, **fields)


def answer(
    ticket: Ticket,
    *,
    by: Agent,
    inbox: Inbox,
    to: Identity,
    text: str = "It is on its way.",
    **fields: Any,
) -> Entry | HeldSend:
    """A reply by somebody who has read everything; `seen_head`, `client_token` … may be given."""
    told = {name: fields.pop(name) for name in ("then", "subject", "cc") if name in fields}
    fields.setdefault("seen_head", head_of(ticket.conversation_id))
    fields.setdefault("client_token", uuid.uuid4())
    return replies.reply(ticket, by=by, outgoing=outgoing(to, inbox, text, **told), **fields)
