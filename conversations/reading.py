"""What each agent has read. Marks go with the agent and the ticket, and raise no head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from conversations import public
from conversations.models import Entry, Kind, ReadMark, Ticket
from conversations.thread import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from conversations.models import Agent, Conversation

# Marks only go forward, and never past the clock. Rows are taken in one order by everybody.
MARK = """
INSERT INTO conversations_readmark AS mark (agent_id, ticket_id, at, unread)
SELECT %s, seen.ticket, least(seen.at, clock_timestamp()), false
FROM unnest(%s::bigint[], %s::timestamptz[]) AS seen (ticket, at) ORDER BY seen.ticket
ON CONFLICT (ticket_id, agent_id) DO UPDATE
SET at = greatest(mark.at, excluded.at), unread = false
WHERE mark.at < excluded.at OR mark.unread
"""

MARKS = """
SELECT ticket_id, at, unread FROM conversations_readmark
WHERE ticket_id = ANY(%s) AND agent_id = %s
"""

LEFT = """
SELECT min(at) FILTER (WHERE unread), max(at) FROM conversations_readmark
WHERE ticket_id = ANY(ARRAY(SELECT id FROM conversations_ticket WHERE conversation_id = %s))
  AND agent_id = %s
"""


def mark_read(conversation: Conversation, upto: Mapping[int, datetime], *, by: Agent) -> None:
    """Tickets (by id) of this conversation were on the agent's screen up to these entries' `at`.

    What isn't the conversation's, or not for this agent to see, is left out.
    """
    rows = Ticket.objects.visible_to(by).filter(conversation=conversation, pk__in=list(upto))
    seen = {pk: upto[pk] for pk in rows.values_list("pk", flat=True)}
    if seen:
        with connection.cursor() as cursor:
            cursor.execute(MARK, [by.pk, list(seen), list(seen.values())])
        public.looked_at(conversation.pk, seen)


def mark_unread(ticket: Ticket, *, by: Agent) -> None:
    """Come back to it: the last message somebody else wrote counts as new again."""
    others = Entry.objects.visible_to(by).filter(ticket=ticket).exclude(kind=Kind.EVENT)
    last = others.exclude(actor=by.actor).order_by("-at").values_list("at", flat=True).first()
    ReadMark.objects.update_or_create(
        ticket=ticket,
        agent=by,
        defaults={"at": (last or ticket.opened_at) - MICROSECOND, "unread": True},
    )


def unread_of(agent: Agent, tickets: Iterable[Ticket]) -> frozenset[int]:
    """Which of these tickets (with their `newest`) hold something the agent has not read. What is
    older than the agent's account is read; so is what they wrote themselves."""
    rows = {ticket.pk: ticket for ticket in tickets}
    if not rows:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(MARKS, [list(rows), agent.pk])
        marks = {ticket: (at, unread) for ticket, at, unread in cursor.fetchall()}
    return frozenset(pk for pk, row in rows.items() if _is_unread(agent, row, *marks.get(pk, ())))


def left_at(agent: Agent, conversation: Conversation) -> datetime | None:
    """Up to which entry (its `at`) the agent had this conversation on screen when they left it, or
    marked it as unread; None when they never had."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT, [conversation.pk, agent.pk])
        wish, last = cursor.fetchone()
    moment: datetime | None = wish or last
    return moment


def _is_unread(
    agent: Agent, ticket: Ticket, at: datetime | None = None, wish: bool = False
) -> bool:
    newest = ticket.newest
    if wish or newest is None or newest.actor == agent.actor:
        return wish
    return newest.at > (at or agent.created_at)
