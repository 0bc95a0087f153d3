"""Full-text search over what people wrote, with and without Vietnamese marks, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch

from conversations.models import Agent, Conversation, Customer, Entry, Identity, Inbox, Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models.entries import EntryQuerySet

PAGE = 25
FEW = 20
WALK = 3_000
WINDOW_WALKS = 12
RESULT = (
    *("conversation__customer__name", "ticket__subject", "ticket__restriction"),
    *("at", "kind", "direction", "text", "agent", "bot", "identity", "inbox"),
)

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
WINDOW = """
SELECT max(at) - %(times)s * (max(at) - min(at)) FROM (
  SELECT at FROM conversations_entry WHERE kind <> 'event'
  ORDER BY at DESC, id DESC LIMIT %(walk)s
) newest
"""
EVERYWHERE = f"""
WITH matching AS MATERIALIZED (
  SELECT id, at FROM conversations_entry WHERE search @@ {QUERY} AND kind <> 'event'
)
SELECT id FROM matching ORDER BY at DESC, id DESC
"""
IN_WINDOW = EVERYWHERE.replace("kind <> 'event'", "kind <> 'event' AND at >= %(since)s")

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
    return found


def _readable(agent: Agent, ids: Sequence[int]) -> list[Entry]:
    """The first page of these entries, newest first, that the agent may read."""
    match = _whole(Entry.objects.visible_to(agent))
    found: list[Entry] = []
    for start in range(0, len(ids), PAGE * 2):
        some = match.filter(pk__in=ids[start : start + PAGE * 2])
        found += some.order_by("-at", "-id")[: PAGE - len(found)]
        if len(found) == PAGE:
            break
    return found


def _whole(rows: EntryQuerySet) -> EntryQuerySet:
    """With all that a result shows and no more, in a fixed number of queries."""
    return (
        rows.select_related("ticket", "conversation__customer")
        .only(*RESULT)
        .prefetch_related(
            Prefetch("agent", queryset=Agent.objects.only("name", "email")),
            "bot",
            Prefetch("identity", queryset=Identity.objects.only("kind", "value", "label")),
            Prefetch("inbox", queryset=Inbox.objects.only("kind")),
        )
    )


def _among_newest(text: str) -> list[int]:
    """Common words are found at once in the newest entries; their posting lists would be long."""
    return _ids(AMONG_NEWEST, {"text": text, "walk": WALK, "limit": PAGE * 2})


def _in_window(text: str) -> list[int]:
    """The index knows all entries of a word and no order: it is asked together with the dates, as
    each entry it names is a page to read. The window is as wide as the newest entries tell."""
    with connection.cursor() as cursor:
        cursor.execute(WINDOW, {"walk": WALK, "times": WINDOW_WALKS})
        since = cursor.fetchone()[0]
    return _ids(IN_WINDOW, {"text": text, "since": since}) if since else []


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
