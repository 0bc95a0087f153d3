"""Reading a conversation: pages of its thread, and what changed since a head."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Prefetch, QuerySet

from conversations.models import (
    Attachment,
    Conversation,
    Delivery,
    Entry,
    HeldSend,
    HeldState,
    Identity,
    Ticket,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Agent
    from conversations.models.entries import EntryQuerySet

PAGE = 50
CATCH_UP = 200


@dataclass(frozen=True)
class Page:
    """Entries in thread order. `before` and `after` are cursors "at,id" for the next page each way,
    or '' at the end; `head` was read before the rows."""

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
    head = Conversation.objects.values_list("head", flat=True).get(pk=conversation.pk)
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
        head,
        found,
        before=cursor(found[0]) if found and has_earlier else "",
        after=cursor(found[-1]) if found and has_later else "",
    )


def around(conversation: Conversation, agent: Agent, entry: Entry) -> Page:
    """The page that ends with an entry's follow-ups: half before it, half after."""
    head = Conversation.objects.values_list("head", flat=True).get(pk=conversation.pk)
    rows = Entry.objects.visible_to(agent).filter(conversation=conversation)
    half = PAGE // 2
    here = cursor(entry)
    later = list(_whole(_beyond(rows, here, later=True)).order_by("at", "id")[: half + 1])
    earlier = list(_whole(_beyond(rows, here, later=False)).order_by("-at", "-id")[: half + 1])
    own = list(_whole(rows.filter(pk=entry.pk)))
    found = [*reversed(earlier[:half]), *own, *later[:half]]
    return Page(
        conversation,
        head,
        found,
        before=cursor(found[0]) if len(earlier) > half else "",
        after=cursor(found[-1]) if len(later) > half else "",
    )


def since(conversation: Conversation, agent: Agent, head: int, *, limit: int = CATCH_UP) -> Changes:
    """Everything an agent may see that changed after `head`, `limit` entries at a time. The head is
    read before the rows: a row committed between the two is sent again next time, never missed."""
    now = Conversation.objects.get(pk=conversation.pk)
    if now.merged_into_id or head < now.reset_head or head > now.head:
        return Changes(now.head, more=False, reset=True)
    top = now.head
    entry_ids = _changed_entries(conversation, head, top, limit)
    cut = entry_ids[-1][1] if len(entry_ids) >= limit else top
    wanted = {pk for pk, rev in entry_ids if rev <= cut}
    entries = _whole(
        Entry.objects.visible_to(agent).filter(conversation=conversation, pk__in=wanted)
    ).order_by("at", "id")
    tickets = (
        Ticket.objects.visible_to(agent)
        .filter(conversation=conversation, rev__gt=head, rev__lte=cut)
        .select_related("team", "agent", "bot")
    )
    identities = Identity.objects.filter(conversation=conversation, rev__gt=head, rev__lte=cut)
    held = _held_in(conversation, agent).filter(rev__gt=head, rev__lte=cut)
    return Changes(
        cut, cut < top, False, list(entries), list(tickets), list(identities), list(held)
    )


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
    """With all that a card shows, in a fixed number of queries."""
    return (
        rows.with_people()
        .select_related("delivery", "body")
        .prefetch_related(Prefetch("attachments", queryset=Attachment.objects.order_by("position")))
    )


def _changed_entries(
    conversation: Conversation, head: int, top: int, limit: int
) -> Sequence[tuple[int, int]]:
    """(entry, change number) of entries that changed themselves, or whose delivery or files did."""
    own = Entry.objects.filter(conversation=conversation, rev__gt=head, rev__lte=top)
    sent = Delivery.objects.filter(conversation=conversation, rev__gt=head, rev__lte=top)
    files = Attachment.objects.filter(conversation=conversation, rev__gt=head, rev__lte=top)
    found = [
        *own.order_by("rev").values_list("pk", "rev")[:limit],
        *sent.order_by("rev").values_list("entry_id", "rev")[:limit],
        *files.order_by("rev").values_list("entry_id", "rev")[:limit],
    ]
    return sorted(found, key=lambda pair: pair[1])[:limit]
