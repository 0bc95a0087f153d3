"""Full-text search over what people wrote, with and without Vietnamese marks, newest first."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Exists, OuterRef

from conversations import names
from conversations.columns import Columns, parted, relate
from conversations.models import Conversation, Customer, Entry, Ticket
from conversations.models.tickets import READABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from conversations.models import Agent

PAGE = 25
FEW = 20
WALK = 1_000
WINDOW = 36_000
WINDOW_AGE = 600.0

# What a result shows.
OWN = Columns(
    Entry,
    *("id", "at", "conversation_id", "ticket_id", "kind", "direction", "text"),
    *("agent_id", "bot_id", "identity_id", "inbox_id"),
)
MATTER = Columns(Ticket, "id", "subject", "restriction")
OF = Columns(Conversation, "id", "customer_id")
WHO = Columns(Customer, "id", "name")
RESULTS = f"""
SELECT {OWN.of("e")}, {MATTER.of("t")}, {OF.of("c")}, {WHO.of("p")}
FROM conversations_entry e
JOIN conversations_conversation c ON c.id = e.conversation_id
JOIN conversations_customer p ON p.id = c.customer_id
LEFT JOIN conversations_ticket t ON t.id = e.ticket_id
WHERE e.id = ANY(%(ids)s) AND (t.id IS NULL OR {READABLE})
ORDER BY e.at DESC, e.id DESC LIMIT %(limit)s
"""

# Every word has to be there. websearch syntax gives "phrases" and -not.
QUERY = "websearch_to_tsquery('pg_catalog.simple', plain_text(%(text)s))"

# Without MATERIALIZED and LIMIT inside, PostgreSQL walks the whole table by date for rare words.
AMONG_NEWEST = f"""
SELECT id FROM (
  SELECT id, at, search FROM conversations_entry WHERE kind <> 'event'
  ORDER BY at DESC, id DESC LIMIT %(walk)s
) newest
WHERE search @@ {QUERY} ORDER BY at DESC, id DESC LIMIT %(limit)s
"""
OLDEST = """
SELECT at FROM conversations_entry WHERE kind <> 'event'
ORDER BY at DESC, id DESC OFFSET %(window)s LIMIT 1
"""
EVERYWHERE = f"""
WITH matching AS MATERIALIZED (
  SELECT id, at FROM conversations_entry WHERE search @@ {QUERY} AND kind <> 'event'
)
SELECT id FROM matching ORDER BY at DESC, id DESC
"""
# The moment by a question of its own: where PostgreSQL sees it, it takes what came in since it last
# looked at the table for a handful of rows, and reads them one by one.
IN_WINDOW = EVERYWHERE.replace("kind <> 'event'", "kind <> 'event' AND at >= (SELECT %(since)s)")

# Half of all may have one name: each part ends with what is asked for, in the order of its index.
# To LIKE some letters would be signs.
CALLED = """
(SELECT conversation.id FROM conversations_identity identity
 JOIN conversations_conversation conversation ON conversation.id = identity.conversation_id
 WHERE starts_with(value, %(address)s) AND merged_into_id IS NULL
 ORDER BY value USING ~<~ LIMIT %(limit)s)
UNION ALL
(SELECT conversation.id FROM conversations_customer customer
 JOIN conversations_conversation conversation ON conversation.customer_id = customer.id
 WHERE starts_with(plain_text(name), plain_text(%(text)s)) AND merged_into_id IS NULL
 ORDER BY plain_text(name) USING ~<~ LIMIT %(limit)s)
"""


@dataclass(frozen=True)
class Found:
    entries: Sequence[Entry]
    customers: Sequence[Customer]


def search(agent: Agent, text: str) -> Found:
    """Entries with these words that the agent may read, newest first, and customers by name or
    address."""
    text = text.strip()[:200]
    if not text:
        return Found([], [])
    return Found(_entries(agent, text), _customers(agent, text))


def _entries(agent: Agent, text: str) -> Sequence[Entry]:
    """Each step looks further back and is asked only when the one before did not fill the page."""
    found: list[Entry] = []
    for look in (_among_newest, _in_window, _everywhere):
        ids = look(text)
        found = _readable(agent, ids)
        if len(found) == PAGE:
            break
    _name(found)
    return found


def _readable(agent: Agent, ids: Sequence[int]) -> list[Entry]:
    """The first page of these entries, newest first, that the agent may read."""
    found: list[Entry] = []
    for start in range(0, len(ids), PAGE * 2):
        some = list(ids[start : start + PAGE * 2])
        with connection.cursor() as cursor:
            left = PAGE - len(found)
            cursor.execute(RESULTS, {"ids": some, "agent": agent.pk, "limit": left})
            found += map(_result, cursor.fetchall())
        if len(found) == PAGE:
            break
    return found


def _result(row: Sequence[Any]) -> Entry:
    entry: Entry
    entry, ticket, conversation, customer = parted(row, OWN, MATTER, OF, WHO)
    relate(conversation, customer=customer)
    relate(entry, conversation=conversation, ticket=ticket)
    return entry


def _name(entries: Sequence[Entry]) -> None:
    known = names.named(
        agent={entry.agent_id for entry in entries},
        bot={entry.bot_id for entry in entries},
        identity={entry.identity_id for entry in entries},
        inbox={entry.inbox_id for entry in entries},
    )
    names.give(entries, known, "agent", "bot", "identity", "inbox")


def _among_newest(text: str) -> list[int]:
    """Common words are found at once in the newest entries; their posting lists would be long."""
    return _ids(AMONG_NEWEST, {"text": text, "walk": WALK, "limit": PAGE * 2})


def _in_window(text: str) -> list[int]:
    """The index knows all entries of a word and no order: it is asked together with the dates, as
    each entry it names is a page to read. The window is counted in entries: many may have come in
    at once, and a day before them nothing."""
    since = _since(WINDOW, int(time.monotonic() // WINDOW_AGE))
    return _ids(IN_WINDOW, {"text": text, "since": since}) if since else []


@lru_cache(maxsize=1)
def _since(window: int, _when: int) -> datetime | None:
    """When the window began some minutes ago; None where there are not so many entries. It only
    says how far to look first: whatever is newer is in it."""
    with connection.cursor() as cursor:
        cursor.execute(OLDEST, {"window": window})
        row = cursor.fetchone()
    return row[0] if row else None


def _everywhere(text: str) -> list[int]:
    return _ids(EVERYWHERE, {"text": text})


def _ids(query: str, values: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [row[0] for row in cursor.fetchall()]


def customers_called(text: str, limit: int) -> list[int]:
    """Live conversations of the customers whose name or address begins like this, in the order of
    their ids: so many of them, or all where they are fewer."""
    look = limit
    while True:
        rows = _ids(CALLED, {"text": text, "address": text.lower(), "limit": look})
        found = sorted(set(rows))
        if len(found) >= limit or len(rows) < look:
            return found[:limit]
        # Some have many addresses that begin alike.
        look *= 4


def _customers(agent: Agent, text: str) -> Sequence[Customer]:
    """Some who are called that way; those of whom the agent may read nothing are left out."""
    own = Ticket.objects.filter(conversation=OuterRef("pk"))
    found = Conversation.objects.filter(pk__in=customers_called(text, FEW))
    readable = found.filter(Exists(own.visible_to(agent)) | ~Exists(own))
    return [row.customer for row in readable.select_related("customer").order_by("pk")]
