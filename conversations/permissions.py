"""Authorise by loading. The only place that decides who may see or do what.

A loader answers with the thing, raises Http404 for what the agent may not see, and NotAllowed for
what they may see and not do. Pages, catch-up, files, API and sockets load through the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from conversations.columns import Columns, parted, relate
from conversations.errors import NotAllowed
from conversations.models import (
    Agent,
    Alert,
    Attachment,
    Conversation,
    Customer,
    Entry,
    HeldSend,
    Inbox,
    Membership,
    Offer,
    Promise,
    SignOff,
    Team,
    Ticket,
)
from conversations.models.offers import MEANT
from conversations.models.tickets import READABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

CONVERSATION, CUSTOMER = Columns(Conversation), Columns(Customer)

# An address may hold any number; past this one PostgreSQL takes it for no id, and no index for it.
LARGEST = 2**63 - 1

# Every page and each catch-up of it begins with this.
READ = f"""
SELECT {CONVERSATION.of("c")}, {CUSTOMER.of("p")},
  EXISTS (SELECT FROM conversations_ticket t WHERE t.conversation_id = c.id AND {READABLE}),
  EXISTS (SELECT FROM conversations_ticket t WHERE t.conversation_id = c.id)
FROM conversations_conversation c JOIN conversations_customer p ON p.id = c.customer_id
WHERE c.id = (
  SELECT coalesce(merged_into_id, id) FROM conversations_conversation WHERE id = %(id)s)
"""

# So does each change of a ticket.
TICKET, TEAM, OWNER, INBOX = Columns(Ticket), Columns(Team), Columns(Agent), Columns(Inbox)
READ_TICKET = f"""
SELECT {TICKET.of("t")}, {CONVERSATION.of("c")}, {TEAM.of("m")}, {CUSTOMER.of("p")},
  {OWNER.of("a")}, {INBOX.of("i")}
FROM conversations_ticket t
JOIN conversations_conversation c ON c.id = t.conversation_id
JOIN conversations_customer p ON p.id = c.customer_id
JOIN conversations_team m ON m.id = t.team_id
LEFT JOIN conversations_agent a ON a.id = t.agent_id
LEFT JOIN conversations_inbox i ON i.id = t.inbox_id
WHERE t.id = %(id)s AND {READABLE}
"""

# And each answer to an offer, without the people in it: verbs read them under the lock.
OFFER = Columns(Offer)
READ_OFFER = f"""
SELECT {OFFER.of("o")}, {TICKET.of("t")}, {MEANT},
  (o.to_agent_id = %(agent)s OR o.to_agent_id IS NULL) AND EXISTS (
    SELECT FROM conversations_membership n
    WHERE n.team_id = o.to_team_id AND n.agent_id = %(agent)s AND n.active)
FROM conversations_offer o JOIN conversations_ticket t ON t.id = o.ticket_id
WHERE o.id = %(id)s AND {READABLE}
"""


def conversation_for(agent: Agent, pk: int, *, to: str = "read") -> Conversation:
    """The live conversation an id means today, when there is anything in it the agent may read.

    To act on the customer (`to="act"`) is for those who may act on one of their tickets; a customer
    without any is everybody's.
    """
    with connection.cursor() as cursor:
        cursor.execute(READ, {"id": min(pk, LARGEST), "agent": agent.pk})
        row = cursor.fetchone()
    if row is None:
        raise Http404
    *values, has_visible, has_any = row
    if has_any and not has_visible:
        raise Http404
    conversation: Conversation
    conversation, customer = parted(values, CONVERSATION, CUSTOMER)
    relate(conversation, customer=customer)
    if to == "act" and has_visible:
        visible = Ticket.objects.visible_to(agent).filter(conversation=conversation)
        if not may_act_on_any(agent, visible, Membership.objects.acting_teams(agent)):
            raise NotAllowed
    return conversation


def may_act_on_any(agent: Agent, tickets: Iterable[Ticket], teams: Collection[int]) -> bool:
    """Whether an agent, who acts in these teams, may act on one of these tickets."""
    rows = list(tickets)
    if any(ticket.is_acted_on(agent, teams) for ticket in rows):
        return True
    return Offer.objects.standing().to(agent).filter(ticket__in=rows).exists()


def ticket_for(agent: Agent, pk: int, *, to: str = "read") -> Ticket:
    """`to` is "read" or "act". Acting needs membership of its team (supervisors excepted)."""
    with connection.cursor() as cursor:
        cursor.execute(READ_TICKET, {"id": min(pk, LARGEST), "agent": agent.pk})
        row = cursor.fetchone()
    if row is None:
        raise Http404
    ticket = _ticket(row)
    if to == "act" and not ticket.may_act(agent):
        raise NotAllowed
    return ticket


def _ticket(row: Sequence[Any]) -> Ticket:
    ticket: Ticket
    ticket, conversation, team, customer, owner, inbox = parted(
        row, TICKET, CONVERSATION, TEAM, CUSTOMER, OWNER, INBOX
    )
    relate(ticket, conversation=conversation, team=team, agent=owner, inbox=inbox)
    relate(conversation, customer=customer)
    return ticket


def entry_for(agent: Agent, pk: int, *, to: str = "read") -> Entry:
    entry = Entry.objects.visible_to(agent).with_people().filter(pk=pk).first()
    if entry is None:
        raise Http404
    if to == "act" and (entry.ticket is None or not entry.ticket.may_act(agent)):
        raise NotAllowed
    return entry


def attachment_for(agent: Agent, public_id: UUID) -> Attachment:
    attachment = (
        Attachment.objects.visible_to(agent)
        .select_related("entry__ticket")
        .filter(public_id=public_id)
        .first()
    )
    if attachment is None:
        raise Http404
    return attachment


def held_for(agent: Agent, pk: int) -> HeldSend:
    """Held sends are taken back by who wrote them."""
    held = HeldSend.objects.select_related("ticket").filter(pk=pk).first()
    if held is None or not Ticket.objects.visible_to(agent).filter(pk=held.ticket_id).exists():
        raise Http404
    if held.agent_id != agent.pk:
        raise NotAllowed(_("Only who wrote this can take it back."))
    return held


def offer_for(agent: Agent, pk: int, *, to: str = "read") -> Offer:
    """`to` is "read", "answer" (accept or decline) or "recall"."""
    with connection.cursor() as cursor:
        cursor.execute(READ_OFFER, {"id": min(pk, LARGEST), "agent": agent.pk})
        row = cursor.fetchone()
    if row is None:
        raise Http404
    *values, is_meant, is_asked = row
    found: Offer
    found, ticket = parted(values, OFFER, TICKET)
    relate(found, ticket=ticket)
    # Also once it is closed, as they are told then what became of it.
    if to == "answer" and not (is_meant if found.is_open else is_asked):
        raise NotAllowed(_("This is not offered to you."))
    if to == "recall" and not found.may_recall(agent):
        raise NotAllowed(_("Only who offered this can take it back."))
    return found


def promise_for(agent: Agent, pk: int, *, to: str = "read") -> Promise:
    """`to` is "read" or "act", as on its ticket."""
    rows = Promise.objects.visible_to(agent).with_people()
    found = rows.filter(pk=min(pk, LARGEST)).first()
    if found is None:
        raise Http404
    if to == "act" and not found.ticket.may_act(agent):
        raise NotAllowed
    return found


def alert_for(agent: Agent, pk: int) -> Alert:
    """Something this agent, as a lead, has to look at."""
    found = Alert.objects.for_lead(agent).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def sign_off_for(agent: Agent, pk: int) -> SignOff:
    """What an agent asked this supervisor to sign for."""
    rows = SignOff.objects.for_lead(agent).select_related("agent", "leaving__team")
    found = rows.filter(pk=min(pk, LARGEST)).first()
    if found is None:
        raise Http404
    return found


def require_admin(agent: Agent) -> None:
    if not agent.is_admin:
        raise NotAllowed(_("Only an admin can do this. Ask one of yours."))


def require_supervisor(agent: Agent) -> None:
    if not agent.is_supervisor:
        raise NotAllowed(_("Only a supervisor or an admin can do this."))
