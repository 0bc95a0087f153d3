"""Full-text search over what people wrote, with and without Vietnamese marks, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection, transaction

from conversations.models import Conversation, Customer, Entry, Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Agent

PAGE = 25
RARE = 500

# Every word has to be there; the last one may be a beginning. websearch syntax gives "phrases" and
# -not.
QUERY = "websearch_to_tsquery('pg_catalog.simple', plain_text(%s))"


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
    return Found(_entries(agent, text), _customers(text))


def _entries(agent: Agent, text: str) -> Sequence[Entry]:
    """Rare words: all their rows from the index, then sorted. Common ones: walk by date and keep
    what matches, which finds a page at once. The index is asked for a bounded number to tell which.
    """
    ids = _bounded(text)
    match = Entry.objects.visible_to(agent).with_people().select_related("conversation__customer")
    if len(ids) < RARE:
        match = match.filter(pk__in=ids)
    else:
        match = match.extra(where=[f"conversations_entry.search @@ {QUERY}"], params=[text])
        match = match.exclude(kind="event")
    return list(match.order_by("-at", "-id")[:PAGE])


def _bounded(text: str) -> Sequence[int]:
    with transaction.atomic(), connection.cursor() as cursor:
        # A soft limit inside the index scan: reading the whole posting list of a common word costs
        # 100 ms.
        cursor.execute(f"SET LOCAL gin_fuzzy_search_limit = {RARE * 4}")
        cursor.execute(
            f"SELECT id FROM conversations_entry WHERE search @@ {QUERY} LIMIT %s", [text, RARE]
        )
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute("SET LOCAL gin_fuzzy_search_limit = 0")
    return ids


def _customers(text: str) -> Sequence[Customer]:
    identities = Identity.objects.filter(value__startswith=text.lower())[:10]
    ids = {row.conversation_id for row in identities}
    ids |= set(
        Customer.objects.extra(
            where=["plain_text(conversations_customer.name) LIKE plain_text(%s) || '%%'"],
            params=[text.replace("%", "").replace("_", "")],
        ).values_list("conversation__pk", flat=True)[:10]
    )
    live = Conversation.objects.filter(pk__in=ids, merged_into=None).select_related("customer")
    return [row.customer for row in live]
