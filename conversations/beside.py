"""What stands beside a thread: its matters, replies that wait, offers, promises, what was set
aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import QuerySet

from conversations import names
from conversations.columns import Columns
from conversations.models import HeldSend, HeldState, Identity, Offer, Promise, Ticket
from conversations.models.tickets import READABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Agent, Conversation
    from conversations.models.offers import OfferQuerySet
    from conversations.models.promises import PromiseQuerySet

MATTER = Columns(Ticket)

MATTERS = f"""
SELECT {MATTER.of("t")} FROM conversations_ticket t
WHERE t.conversation_id = %(conversation)s AND {READABLE}
"""

HIDDEN = f"""
SELECT {MATTER.of("t")} FROM conversations_ticket t
JOIN conversations_inbox i ON i.id = t.inbox_id AND i.fold_restricted
WHERE t.conversation_id = %(conversation)s AND NOT {READABLE}
ORDER BY t.opened_at
"""

# By the tickets' ids: joined with the tickets, PostgreSQL reads every reply ever held.
ASIDES = """
WITH own AS MATERIALIZED (
  SELECT id, restriction, promised_at FROM conversations_ticket
  WHERE conversation_id = %(conversation)s
)
SELECT
  EXISTS (SELECT FROM conversations_heldsend
    WHERE ticket_id = ANY(ARRAY(SELECT id FROM own)) AND state IN ('held', 'stopped')),
  EXISTS (SELECT FROM conversations_offer
    WHERE ticket_id = ANY(ARRAY(SELECT id FROM own)) AND state = 'offered'),
  EXISTS (SELECT FROM own WHERE promised_at IS NOT NULL),
  EXISTS (SELECT FROM own WHERE restriction <> ''),
  EXISTS (SELECT FROM conversations_conversation WHERE merged_into_id = %(conversation)s)
"""


@dataclass(frozen=True)
class Asides:
    """Whether a conversation has what most have none of: replies that wait, open offers and
    promises, restricted tickets, other conversations that were joined with it."""

    held: bool
    offered: bool
    promised: bool
    restricted: bool
    joined: bool


def matters(conversation: Conversation, agent: Agent, *, most: int) -> Sequence[Ticket]:
    """The tickets an agent may read, with all that a header shows: unresolved ones first, then the
    latest."""
    order = " ORDER BY t.status = 'resolved', t.active_at DESC, t.id DESC LIMIT %(most)s"
    return _matters(conversation, agent, order, {"most": most})


def matter(conversation: Conversation, agent: Agent, pk: int) -> Ticket | None:
    """One of them."""
    return next(iter(_matters(conversation, agent, " AND t.id = %(id)s", {"id": pk})), None)


def matters_among(
    conversation: Conversation, agent: Agent, ids: set[int] | None
) -> Sequence[Ticket]:
    if not ids:
        return ()
    return _matters(conversation, agent, " AND t.id = ANY(%(ids)s)", {"ids": list(ids)})


def _matters(
    conversation: Conversation, agent: Agent, where: str, told: dict[str, Any]
) -> list[Ticket]:
    told |= {"conversation": conversation.pk, "agent": agent.pk}
    with connection.cursor() as cursor:
        cursor.execute(f"{MATTERS}{where}", told)
        found = [MATTER.made(row) for row in cursor.fetchall()]
    known = names.named(
        team={row.team_id for row in found},
        agent={row.agent_id for row in found},
        bot={row.bot_id for row in found},
        inbox={row.inbox_id for row in found},
    )
    names.give(found, known, "team", "agent", "bot", "inbox")
    for row in found:
        row.conversation = conversation
    return found


def asides(conversation: Conversation) -> Asides:
    with connection.cursor() as cursor:
        cursor.execute(ASIDES, {"conversation": conversation.pk})
        return Asides(*cursor.fetchone())


def identities_among(conversation: Conversation, ids: set[int] | None) -> Sequence[Identity]:
    if not ids:
        return ()
    return list(Identity.objects.filter(conversation=conversation, pk__in=ids))


def held_among(
    conversation: Conversation, agent: Agent, ids: set[int] | None
) -> Sequence[HeldSend]:
    return list(_held_in(conversation, agent).filter(pk__in=ids)) if ids else ()


def held_sends(conversation: Conversation, agent: Agent) -> Sequence[HeldSend]:
    """Replies that wait under the thread, and those that something new has stopped."""
    waiting = _held_in(conversation, agent).filter(state__in=(HeldState.HELD, HeldState.STOPPED))
    return list(waiting.select_related("ticket").order_by("release_at"))


def _held_in(conversation: Conversation, agent: Agent) -> QuerySet[HeldSend]:
    """By the tickets' ids: joined with the tickets, PostgreSQL reads every reply ever held."""
    tickets = Ticket.objects.visible_to(agent).filter(conversation=conversation)
    ids = list(tickets.values_list("pk", flat=True))
    return HeldSend.objects.filter(ticket__in=ids).select_related("agent")


def offers_among(conversation: Conversation, agent: Agent, ids: set[int] | None) -> Sequence[Offer]:
    return list(_offers_in(conversation, agent).filter(pk__in=ids)) if ids else ()


def offers(conversation: Conversation, agent: Agent) -> Sequence[Offer]:
    """What is offered at the moment, also to others, with who declined. One that has run out stays
    until it is closed."""
    return list(_offers_in(conversation, agent).open().order_by("offered_at", "pk"))


def _offers_in(conversation: Conversation, agent: Agent) -> OfferQuerySet:
    tickets = Ticket.objects.visible_to(agent).filter(conversation=conversation)
    ids = list(tickets.values_list("pk", flat=True))
    rows = Offer.objects.filter(ticket__in=ids).with_people()
    return rows.select_related("ticket__inbox").prefetch_related("declines__agent")


def promises_among(
    conversation: Conversation, agent: Agent, ids: set[int] | None
) -> Sequence[Promise]:
    return list(_promises_in(conversation, agent).filter(pk__in=ids)) if ids else ()


def promises(conversation: Conversation, agent: Agent) -> Sequence[Promise]:
    """What is promised and still open, also when it is overdue."""
    return list(_promises_in(conversation, agent).open().order_by("due_at", "pk"))


def _promises_in(conversation: Conversation, agent: Agent) -> PromiseQuerySet:
    tickets = Ticket.objects.visible_to(agent).filter(conversation=conversation)
    ids = list(tickets.values_list("pk", flat=True))
    rows = Promise.objects.filter(ticket__in=ids).select_related("made_by")
    return rows.select_related(*("ticket__agent", "ticket__team", "ticket__inbox"))


def hidden_tickets(conversation: Conversation, agent: Agent) -> Sequence[Ticket]:
    """Restricted tickets the agent may not read, where the inbox says one folded line is shown."""
    with connection.cursor() as cursor:
        cursor.execute(HIDDEN, {"conversation": conversation.pk, "agent": agent.pk})
        found = [MATTER.made(row) for row in cursor.fetchall()]
    names.give(found, names.named(team={row.team_id for row in found}), "team")
    return found
