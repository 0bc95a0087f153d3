"""The desk's lists: tickets by whose they are and how they stand, never counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import connection, models
from django.db.models import Prefetch
from django.db.models.functions import Left
from django.utils.translation import gettext_lazy as _

from conversations import names
from conversations.columns import Columns, parted, relate
from conversations.models import (
    Agent,
    Bot,
    Conversation,
    Customer,
    Entry,
    Identity,
    Inbox,
    Membership,
    Offer,
    Status,
    Ticket,
)
from conversations.models.tickets import READABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models.tickets import TicketQuerySet

PAGE = 50
START = 160
MOST_OFFERED = 500
ROW = (
    *("conversation__customer__name", "subject", "status", "restriction", "rev", "team", "agent"),
    *("bot", "deadline_at", "deadline_kind", "promised_at", "resolved_at", "active_at"),
    *("newest__kind", "newest__direction", "newest__inbox", "newest__identity"),
    *("newest__actor", "newest__at"),
)

# The same for `_read`.
TICKET = Columns(
    Ticket,
    *("id", "conversation_id", "rev", "subject", "status", "restriction", "team_id", "agent_id"),
    *("bot_id", "deadline_at", "deadline_kind", "promised_at", "resolved_at", "active_at"),
    "newest_id",
)
OF = Columns(Conversation, "id", "customer_id")
WHO = Columns(Customer, "id", "name")
NEWEST = Columns(Entry, "id", "at", "kind", "direction", "actor", "identity_id", "inbox_id")
READ = f"""
SELECT left(e.text, {START}), {TICKET.of("t")}, {OF.of("c")}, {WHO.of("p")}, {NEWEST.of("e")}
FROM conversations_ticket t
JOIN conversations_conversation c ON c.id = t.conversation_id
JOIN conversations_customer p ON p.id = c.customer_id
LEFT JOIN conversations_entry e ON e.id = t.newest_id
"""


class Folder(models.TextChoices):
    MINE = "mine", _("Mine")
    TEAMS = "teams", _("My teams")
    UNASSIGNED = "unassigned", _("Unassigned")
    ALL = "all", _("All")
    OFFERED = "offered", _("Offered to me")


@dataclass(frozen=True)
class Listing:
    """Tickets in list order, and the cursor of the next page ('' at the end)."""

    tickets: Sequence[Ticket]
    next: str


def listing(
    agent: Agent, *, folder: str = Folder.MINE, status: str = Status.OPEN, after: str = ""
) -> Listing:
    """One page of a list: unresolved tickets by deadline, resolved ones newest first.

    Raises ValueError for a folder, status or cursor that isn't one.
    """
    latest = Status(status) == Status.RESOLVED
    key = "resolved_at" if latest else "deadline_at"
    where, told = _in_list(agent, Folder(folder), status)
    if after:
        told |= _place(after)
        where += (
            f" AND t.{key} {'<=' if latest else '>='} %(at)s"
            f" AND NOT (t.{key} = %(at)s AND t.id {'>=' if latest else '<='} %(id)s)"
        )
    way = "DESC" if latest else "ASC"
    found = _read(f"{where} ORDER BY t.{key} {way}, t.id {way} LIMIT {PAGE + 1}", told)
    more = len(found) > PAGE
    found = found[:PAGE]
    return Listing(found, _cursor(found[-1], key) if more else "")


def among(agent: Agent, ids: Sequence[int], *, folder: str, status: str) -> Sequence[Ticket]:
    """Those of these tickets that belong to a list of the agent's, for patching it in place.

    Raises ValueError for a folder or status that isn't one.
    """
    where, told = _in_list(agent, Folder(folder), Status(status))
    return _read(f"{where} AND t.id = ANY(%(ids)s)", {**told, "ids": list(ids)[:PAGE]})


def rows_of(tickets: TicketQuerySet) -> TicketQuerySet:
    """With all that a list row shows and no more, in a fixed number of queries."""
    return (
        tickets.select_related("conversation__customer", "newest")
        .annotate(newest_text=Left("newest__text", START))
        .only(*ROW)
        .prefetch_related(
            "team",
            Prefetch("agent", queryset=Agent.objects.only("name", "email")),
            Prefetch("bot", queryset=Bot.objects.only("name")),
            Prefetch("newest__identity", queryset=Identity.objects.only("kind", "value", "label")),
            Prefetch("newest__inbox", queryset=Inbox.objects.only("kind")),
        )
    )


def told(ticket: Ticket) -> tuple[object, ...]:
    """All that a list row says of a ticket read here, as plain values."""
    newest = ticket.newest
    return (
        *(getattr(ticket, name) for name in TICKET.names if name != "rev"),
        *(ticket.conversation.customer.name, getattr(ticket, "newest_text", "")),
        *(ticket.team.name, ticket.agent and str(ticket.agent), ticket.bot and ticket.bot.name),
        *((getattr(newest, name) for name in NEWEST.names) if newest else ()),
        *((newest.identity.value, newest.identity.label) if newest and newest.identity else ()),
    )


def _in_list(agent: Agent, folder: Folder, status: str) -> tuple[str, dict[str, Any]]:
    """A condition on tickets `t`, with its parameters: what the agent may read of a list."""
    told: dict[str, Any] = {"status": str(status), "agent": agent.pk}
    if folder == Folder.OFFERED:
        return f"{READABLE} AND t.id = ANY(%(offered)s)", {
            **told,
            "offered": _offered(agent, status),
        }
    where = f"{READABLE} AND t.status = %(status)s"
    if folder == Folder.MINE:
        return f"{where} AND t.agent_id = %(agent)s", told
    if folder == Folder.ALL:
        return where, told
    # Spelled out: for an array, even of one team, PostgreSQL leaves the index that has the order.
    teams = ", ".join(map(str, sorted(Membership.objects.acting_teams(agent)))) or "NULL"
    where += f" AND t.team_id IN ({teams})"
    if folder == Folder.UNASSIGNED:
        where += " AND t.agent_id IS NULL AND t.bot_id IS NULL"
    return where, told


def _offered(agent: Agent, status: str) -> list[int]:
    """What an agent may accept at the moment. However it stands, it is open to them."""
    if status != Status.OPEN:
        return []
    return list(Offer.objects.standing().to(agent).values_list("ticket", flat=True)[:MOST_OFFERED])


def _place(cursor: str) -> dict[str, Any]:
    text, _comma, pk = cursor.partition(",")
    return {"at": datetime.fromisoformat(text), "id": int(pk)}


def _read(where: str, told: dict[str, Any]) -> list[Ticket]:
    """As `rows_of` reads them, by two statements written by hand: of all that is read here, this is
    read most often, and the ORM puts it together for much longer than PostgreSQL looks for it."""
    with connection.cursor() as cursor:
        cursor.execute(f"{READ} WHERE {where}", told)
        found = [_made(row) for row in cursor.fetchall()]
    newest = [ticket.newest for ticket in found if ticket.newest]
    known = names.named(
        team={ticket.team_id for ticket in found},
        agent={ticket.agent_id for ticket in found},
        bot={ticket.bot_id for ticket in found},
        identity={entry.identity_id for entry in newest},
        inbox={entry.inbox_id for entry in newest},
    )
    names.give(found, known, "team", "agent", "bot")
    names.give(newest, known, "identity", "inbox")
    return found


def _made(row: Sequence[Any]) -> Ticket:
    text, *values = row
    ticket, conversation, customer, newest = parted(values, TICKET, OF, WHO, NEWEST)
    relate(conversation, customer=customer)
    relate(ticket, conversation=conversation, newest=newest)
    ticket.newest_text = text
    return cast("Ticket", ticket)


def _cursor(ticket: Ticket, key: str) -> str:
    return f"{getattr(ticket, key).isoformat()},{ticket.pk}"
