"""Reading a conversation: pages of its thread, and what changed since a head."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import connection

from conversations import beside, names
from conversations.columns import Columns, parted, relate
from conversations.models import (
    Attachment,
    Delivery,
    Entry,
    HeldSend,
    Identity,
    Offer,
    Promise,
    Ticket,
)
from conversations.models.tickets import READABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Agent, Conversation

PAGE = 50
CATCH_UP = 200

# What a card shows. Left out are above all the words for the search.
ENTRY = Columns(Entry, without=("search", "actor", "origin_id", "seq"))
TICKET = Columns(Ticket, "id", "conversation_id", "subject", "inbox_id")
DELIVERY = Columns(Delivery, "id", "entry_id", "state", "error", "next_at")
FILE = Columns(Attachment)
PROMISE = Columns(Promise, "id", "entry_id", "ticket_id", "text", "due_at", "state", "late")

# Lengths in bytes are known to PostgreSQL without reading a long text. Whether there is a promise,
# asked by EXISTS, it would find out by reading all promises.
CARDS = f"""
SELECT octet_length(b.html), octet_length(b.full_text),
  (SELECT p.id FROM conversations_promise p WHERE p.entry_id = conversations_entry.id LIMIT 1),
  {TICKET.of("t")}, {DELIVERY.of("d")}, {ENTRY.of("conversations_entry")}
FROM conversations_entry
LEFT JOIN conversations_ticket t ON t.id = conversations_entry.ticket_id
LEFT JOIN conversations_delivery d ON d.entry_id = conversations_entry.id
LEFT JOIN conversations_entrybody b ON b.entry_id = conversations_entry.id
WHERE conversations_entry.conversation_id = %(conversation)s AND (t.id IS NULL OR {READABLE})
"""


# One statement, so one moment: the head is of the same one as the numbers.
CHANGED = """
SELECT 'now', coalesce(merged_into_id, 0), head, reset_head
FROM conversations_conversation WHERE id = %(conversation)s
UNION ALL
(SELECT 'entry', id, rev, 0 FROM conversations_entry
 WHERE conversation_id = %(conversation)s AND rev > %(head)s ORDER BY rev LIMIT %(limit)s)
UNION ALL
(SELECT 'entry', entry_id, rev, 0 FROM conversations_delivery
 WHERE conversation_id = %(conversation)s AND rev > %(head)s ORDER BY rev LIMIT %(limit)s)
UNION ALL
(SELECT 'entry', entry_id, rev, 0 FROM conversations_attachment
 WHERE conversation_id = %(conversation)s AND rev > %(head)s ORDER BY rev LIMIT %(limit)s)
UNION ALL
SELECT 'ticket', id, rev, 0 FROM conversations_ticket
WHERE conversation_id = %(conversation)s AND rev > %(head)s
UNION ALL
SELECT 'identity', id, rev, 0 FROM conversations_identity
WHERE conversation_id = %(conversation)s AND rev > %(head)s
UNION ALL
SELECT 'held', id, rev, 0 FROM conversations_heldsend
WHERE rev > %(head)s AND ticket_id = ANY(ARRAY(
  SELECT id FROM conversations_ticket WHERE conversation_id = %(conversation)s))
UNION ALL
SELECT 'offer', id, rev, 0 FROM conversations_offer
WHERE rev > %(head)s AND ticket_id = ANY(ARRAY(
  SELECT id FROM conversations_ticket WHERE conversation_id = %(conversation)s))
UNION ALL
SELECT 'promise', id, rev, coalesce(entry_id, 0) FROM conversations_promise
WHERE rev > %(head)s AND ticket_id = ANY(ARRAY(
  SELECT id FROM conversations_ticket WHERE conversation_id = %(conversation)s))
"""

FILES = f"""
SELECT {FILE.of("a")} FROM conversations_attachment a
WHERE a.entry_id = ANY(%s) ORDER BY a.position, a.id
"""

# Those that were settled in another matter stay there when their message is moved.
PROMISES = f"""
SELECT {PROMISE.of("p")} FROM conversations_promise p
JOIN conversations_entry e ON e.id = p.entry_id AND e.ticket_id = p.ticket_id
WHERE p.entry_id = ANY(%s) AND p.state <> 'withdrawn' ORDER BY p.due_at, p.id
"""


@dataclass(frozen=True)
class Page:
    """Entries in thread order. `before` and `after` are cursors "at,id" for the next page each way,
    or '' at the end; `head` is that of the conversation as it was read, so before the rows."""

    conversation: Conversation
    head: int
    entries: Sequence[Entry]
    before: str
    after: str


@dataclass(frozen=True)
class Changes:
    """Rows changed after a head, each with its change number, in that order. `head` is how far
    these rows go: ask again from there while `more`. With `reset` the page has to be loaded again.
    """

    head: int
    more: bool
    reset: bool
    entries: Sequence[Entry] = ()
    tickets: Sequence[Ticket] = ()
    identities: Sequence[Identity] = ()
    held: Sequence[HeldSend] = ()
    offers: Sequence[Offer] = ()
    promises: Sequence[Promise] = ()


def page(
    conversation: Conversation,
    agent: Agent,
    *,
    before: str = "",
    after: str = "",
    ticket: Ticket | None = None,
    first: bool = False,
) -> Page:
    """Fifty entries: the newest, or those before or after a cursor, or the very first ones."""
    ascending = bool(after) or first
    where, told = _beyond(after or before, later=bool(after))
    if ticket:
        where += " AND t.id = %(ticket)s"
        told["ticket"] = ticket.pk
    found = _cards(conversation, agent, where, told, latest=not ascending, limit=PAGE + 1)
    more = len(found) > PAGE
    found = found[:PAGE]
    if not ascending:
        found.reverse()
    has_earlier = more if not ascending else bool(after)
    has_later = more if ascending else bool(before)
    return Page(
        conversation,
        conversation.head,
        found,
        before=cursor(found[0]) if found and has_earlier else "",
        after=cursor(found[-1]) if found and has_later else "",
    )


def around(conversation: Conversation, agent: Agent, entry: Entry) -> Page:
    """The page that ends with an entry's follow-ups: half before it, half after."""
    half = PAGE // 2
    later, earlier = (
        _cards(
            conversation, agent, *_beyond(cursor(entry), later=way), latest=not way, limit=half + 1
        )
        for way in (True, False)
    )
    own = _entries_among(conversation, agent, {entry.pk})
    found = [*reversed(earlier[:half]), *own, *later[:half]]
    return Page(
        conversation,
        conversation.head,
        found,
        before=cursor(found[0]) if len(earlier) > half else "",
        after=cursor(found[-1]) if len(later) > half else "",
    )


def since(conversation: Conversation, agent: Agent, head: int, *, limit: int = CATCH_UP) -> Changes:
    """Everything an agent may see that changed after `head`, `limit` entries at a time. The head is
    read with the change numbers: a row that changes after that is sent again next time."""
    found = _changed(conversation, head, limit)
    [(merged_into, top, reset_head)] = found["now"]
    if merged_into or head < reset_head or head > top:
        return Changes(top, more=False, reset=True)
    # A message is shown with what it promises.
    found["entry"] += [(entry, rev, 0) for _promise, rev, entry in found["promise"] if entry]
    entry_ids = sorted(found["entry"], key=lambda row: row[1])[:limit]
    cut = entry_ids[-1][1] if len(entry_ids) >= limit else top
    ids = {sort: {pk for pk, rev, _ in rows if rev <= cut} for sort, rows in found.items()}
    return Changes(
        cut,
        cut < top,
        False,
        _entries_among(conversation, agent, {pk for pk, _rev, _ in entry_ids}),
        beside.matters_among(conversation, agent, ids.get("ticket")),
        beside.identities_among(conversation, ids.get("identity")),
        beside.held_among(conversation, agent, ids.get("held")),
        beside.offers_among(conversation, agent, ids.get("offer")),
        beside.promises_among(conversation, agent, ids.get("promise")),
    )


def _changed(
    conversation: Conversation, head: int, limit: int
) -> dict[str, list[tuple[int, int, int]]]:
    """By sort: (id, change number, 0) of the rows changed after `head`, where an entry changes with
    its delivery and its files; "promise": (id, change number, its entry or 0); and "now": (live
    conversation if it was joined, head, reset head)."""
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    told = {"conversation": conversation.pk, "head": head, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, told)
        for sort, *row in cursor.fetchall():
            found[sort].append((row[0], row[1], row[2]))
    return found


def _entries_among(conversation: Conversation, agent: Agent, ids: set[int]) -> Sequence[Entry]:
    if not ids:
        return ()
    where = " AND conversations_entry.id = ANY(%(ids)s)"
    return _cards(conversation, agent, where, {"ids": list(ids)}, limit=len(ids))


def cursor(entry: Entry) -> str:
    return f"{entry.at.isoformat()},{entry.pk}"


def parse_cursor(text: str) -> tuple[datetime, int]:
    """Raises ValueError for what is no cursor."""
    at, _, pk = text.partition(",")
    return datetime.fromisoformat(at), int(pk)


def _beyond(text: str, *, later: bool) -> tuple[str, dict[str, Any]]:
    """A condition on entries, with its parameters: those after or before a cursor, if there is
    one."""
    if not text:
        return "", {}
    at, pk = parse_cursor(text)
    more, same = (">=", "<=") if later else ("<=", ">=")
    own = "conversations_entry"
    where = f" AND {own}.at {more} %(at)s AND NOT ({own}.at = %(at)s AND {own}.id {same} %(id)s)"
    return where, {"at": at, "id": pk}


def _cards(
    conversation: Conversation,
    agent: Agent,
    where: str,
    told: dict[str, Any],
    *,
    limit: int,
    latest: bool = False,
) -> list[Entry]:
    """Entries the agent may read, with all that a card shows and no more, in at most four queries:
    people, addresses and inboxes are few on a page, files and promises rare."""
    way = "DESC" if latest else "ASC"
    order = f" ORDER BY conversations_entry.at {way}, conversations_entry.id {way} LIMIT {limit}"
    told |= {"conversation": conversation.pk, "agent": agent.pk}
    with connection.cursor() as cursor:
        cursor.execute(f"{CARDS}{where}{order}", told)
        tickets: dict[int, Ticket] = {}
        found = [_card(row, tickets) for row in cursor.fetchall()]
    if found:
        _name(found)
        _give_files(found)
        _give_promises(found)
    return found


def _card(row: Sequence[Any], tickets: dict[int, Ticket]) -> Entry:
    html, full_text, a_promise, *values = row
    ticket, delivery, entry = parted(values, TICKET, DELIVERY, ENTRY)
    entry.html_size, entry.full_text_size = html, full_text
    entry.has_promises = a_promise is not None
    relate(entry, ticket=ticket and tickets.setdefault(ticket.pk, ticket), delivery=delivery)
    return cast("Entry", entry)


def _name(entries: Sequence[Entry]) -> None:
    tickets = {entry.ticket for entry in entries if entry.ticket}
    known = names.named(
        agent={entry.agent_id for entry in entries},
        bot={entry.bot_id for entry in entries},
        identity={entry.identity_id for entry in entries},
        inbox={*(row.inbox_id for row in entries), *(row.inbox_id for row in tickets)},
    )
    names.give(entries, known, "agent", "bot", "identity", "inbox")
    names.give(tickets, known, "inbox")


def _give_files(entries: Sequence[Entry]) -> None:
    files: dict[int, list[Attachment]] = {entry.pk: [] for entry in entries}
    with connection.cursor() as cursor:
        cursor.execute(FILES, [list(files)])
        for file in map(FILE.made, cursor.fetchall()):
            assert file.entry_id
            files[file.entry_id].append(file)
    for entry in entries:
        # Where `prefetch_related` would put them.
        own = Attachment.objects.all()
        own._result_cache, own._prefetch_done = files[entry.pk], True  # type: ignore[attr-defined]
        entry._prefetched_objects_cache = {"attachments": own}  # type: ignore[attr-defined]


def _give_promises(entries: Sequence[Entry]) -> None:
    """As `said_promises`, which only rows read here have."""
    asked = [entry.pk for entry in entries if entry.has_promises]  # type: ignore[attr-defined]
    found: dict[int, list[Promise]] = defaultdict(list)
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(PROMISES, [asked])
            for promise in map(PROMISE.made, cursor.fetchall()):
                assert promise.entry_id
                found[promise.entry_id].append(promise)
    for entry in entries:
        entry.said_promises = found.get(entry.pk, [])  # type: ignore[attr-defined]
