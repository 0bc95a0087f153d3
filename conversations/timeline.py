"""Reading a conversation: pages of its thread, and what changed since a head."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Func, IntegerField, Prefetch, QuerySet

from conversations.models import (
    Agent,
    Attachment,
    Conversation,
    Entry,
    HeldSend,
    HeldState,
    Identity,
    Inbox,
    Ticket,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models.entries import EntryQuerySet

PAGE = 50
CATCH_UP = 200

# What a card shows. Left out are above all the words for the search.
CARD = (
    *(
        field.attname
        for field in Entry._meta.concrete_fields
        if field.name not in ("search", "actor", "origin", "seq")
    ),
    *("ticket__subject", "ticket__conversation_id", "ticket__inbox"),
    *("delivery__state", "delivery__error", "delivery__next_at"),
)


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
    rows = Entry.objects.visible_to(agent).filter(conversation=conversation)
    if ticket:
        rows = rows.filter(ticket=ticket)
    ascending = bool(after) or first
    if after or before:
        rows = _beyond(rows, after or before, later=bool(after))
    order = ("at", "id") if ascending else ("-at", "-id")
    found = list(_whole(rows).order_by(*order)[: PAGE + 1])
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
    rows = Entry.objects.visible_to(agent).filter(conversation=conversation)
    half = PAGE // 2
    here = cursor(entry)
    later = list(_whole(_beyond(rows, here, later=True)).order_by("at", "id")[: half + 1])
    earlier = list(_whole(_beyond(rows, here, later=False)).order_by("-at", "-id")[: half + 1])
    own = list(_whole(rows.filter(pk=entry.pk)))
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
    entry_ids = sorted(found["entry"], key=lambda row: row[1])[:limit]
    cut = entry_ids[-1][1] if len(entry_ids) >= limit else top
    ids = {sort: {pk for pk, rev, _ in rows if rev <= cut} for sort, rows in found.items()}
    return Changes(
        cut,
        cut < top,
        False,
        _entries_among(conversation, agent, {pk for pk, _rev, _ in entry_ids}),
        _tickets_among(conversation, agent, ids.get("ticket")),
        _identities_among(conversation, ids.get("identity")),
        _held_among(conversation, agent, ids.get("held")),
    )


def _changed(
    conversation: Conversation, head: int, limit: int
) -> dict[str, list[tuple[int, int, int]]]:
    """By sort: (id, change number, 0) of the rows changed after `head`, where an entry changes with
    its delivery and its files; and "now": (live conversation if it was joined, head, reset head).
    """
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
    rows = Entry.objects.visible_to(agent).filter(conversation=conversation, pk__in=ids)
    return list(_whole(rows).order_by("at", "id"))


def _tickets_among(
    conversation: Conversation, agent: Agent, ids: set[int] | None
) -> Sequence[Ticket]:
    """With all that a header shows."""
    if not ids:
        return ()
    rows = Ticket.objects.visible_to(agent).filter(conversation=conversation, pk__in=ids)
    return list(rows.select_related("conversation__customer", "team", "agent", "bot", "inbox"))


def _identities_among(conversation: Conversation, ids: set[int] | None) -> Sequence[Identity]:
    if not ids:
        return ()
    return list(Identity.objects.filter(conversation=conversation, pk__in=ids))


def _held_among(
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


def hidden_tickets(conversation: Conversation, agent: Agent) -> Sequence[Ticket]:
    """Restricted tickets the agent may not read, where the inbox says one folded line is shown."""
    # Of this conversation only: PostgreSQL would read all tickets for a NOT IN.
    visible = Ticket.objects.visible_to(agent).filter(conversation=conversation)
    return list(
        Ticket.objects.filter(conversation=conversation, inbox__fold_restricted=True)
        .exclude(pk__in=visible.values("pk"))
        .select_related("team")
        .order_by("opened_at")
    )


def cursor(entry: Entry) -> str:
    return f"{entry.at.isoformat()},{entry.pk}"


def parse_cursor(text: str) -> tuple[datetime, int]:
    """Raises ValueError for what is no cursor."""
    at, _, pk = text.partition(",")
    return datetime.fromisoformat(at), int(pk)


def _beyond(rows: EntryQuerySet, text: str, *, later: bool) -> EntryQuerySet:
    at, pk = parse_cursor(text)
    if later:
        return rows.filter(at__gte=at).exclude(at=at, pk__lte=pk)
    return rows.filter(at__lte=at).exclude(at=at, pk__gte=pk)


def _whole(rows: EntryQuerySet) -> EntryQuerySet:
    """With all that a card shows and no more, in a fixed number of queries. People, addresses and
    inboxes are few on a page; joined, PostgreSQL plans for longer than it reads."""
    return (
        rows.select_related("ticket", "delivery")
        .annotate(html_size=_size("body__html"), full_text_size=_size("body__full_text"))
        .only(*CARD)
        .prefetch_related(
            Prefetch("agent", queryset=Agent.objects.only("name", "email")),
            "bot",
            Prefetch("identity", queryset=Identity.objects.only("kind", "value", "label")),
            Prefetch("inbox", queryset=Inbox.objects.only("name", "kind", "address")),
            Prefetch("ticket__inbox", queryset=Inbox.objects.only("kind")),
            Prefetch("attachments", queryset=Attachment.objects.order_by("position")),
        )
    )


def _size(column: str) -> Func:
    """In bytes, which PostgreSQL knows without reading a long text."""
    return Func(column, function="octet_length", output_field=IntegerField())
