"""Transcripts: the tickets a search finds, and their entries from the first to the last.

Tickets are listed by when they were opened, newest first: that never changes, so a page can be
asked for again. Nothing here marks anything as read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from django.db import connection
from django.db.models import Prefetch, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from conversations import desk, timeline
from conversations.errors import BadInput
from conversations.models import (
    Agent,
    Attachment,
    Conversation,
    Entry,
    Identity,
    Inbox,
    Kind,
    Status,
    Ticket,
)
from conversations.search import QUERY, customers_called

if TYPE_CHECKING:
    from conversations.models.entries import EntryQuerySet
    from conversations.models.tickets import TicketQuerySet

PAGE = 25
WALK = 1_000
MOST_CUSTOMERS = 200
STRETCH = 4
"""Pages of the timeline that are shown as one stretch of a transcript."""

PIECE = 50
"""Entries that are in memory at once while a file is made."""

LONGEST_BODY = 200_000
"""Of a message's HTML in characters, for it to be read at all."""

EXCERPT = 300
WRITTEN = (
    *("at", "kind", "direction", "event", "agent", "bot", "identity", "inbox", "ticket"),
    *("conversation", "origin", "seq", "proof", "subject", "text", "data", "occurred_at", "late"),
    *("withdrawn_at", "delivery__state", "body__full_text"),
)

# Rare words: the index knows all entries of a word. Without MATERIALIZED PostgreSQL may walk all
# tickets instead, and look for the word in each.
EVERYWHERE = f"""
WITH matching AS MATERIALIZED (
  SELECT ticket_id FROM conversations_entry
  WHERE search @@ {QUERY} AND kind <> 'event' AND ticket_id IS NOT NULL
)
SELECT ticket_id FROM matching
"""
AMONG = f"""
SELECT DISTINCT ON (ticket_id) ticket_id, id, left(text, {EXCERPT}) FROM conversations_entry
WHERE ticket_id = ANY(%(tickets)s) AND search @@ {QUERY} AND kind <> 'event'
ORDER BY ticket_id, at DESC, id DESC
"""


@dataclass(frozen=True)
class Asked:
    """What is looked for; what is empty leaves it open. `customer` is the beginning of a name or
    address, `channel` a medium's name, `agent` and `team` row ids, dates those of the opening."""

    text: str = ""
    customer: str = ""
    agent: int | None = None
    team: int | None = None
    channel: str = ""
    status: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def query(self) -> str:
        """As in an address, and the same for the same question."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return urlencode({name: value for name, value in told.items() if value})

    @classmethod
    def of(cls, query: str) -> Asked:
        """Back from `query`. Raises ValueError or TypeError for what never was one."""
        told: dict[str, str] = dict(parse_qsl(query))
        dates = {name: date.fromisoformat(told.pop(name)) for name in DATES if name in told}
        ids = {name: int(told.pop(name)) for name in IDS if name in told}
        return cls(**told, **dates, **ids)  # type: ignore[arg-type]


DATES, IDS = ("since", "until"), ("agent", "team")


@dataclass(frozen=True)
class Hit:
    """Where the words were found in a ticket: the newest such entry, and how it begins."""

    entry: int
    text: str


@dataclass(frozen=True)
class Found:
    """Tickets, newest first, where the words were found in each, and the cursor of the next page
    ('' at the end)."""

    tickets: Sequence[Ticket]
    hits: dict[int, Hit]
    next: str


@dataclass(frozen=True)
class Stretch:
    """Entries of a transcript in their order; `before` and `after` are cursors, '' at the ends."""

    entries: Sequence[Entry]
    before: str
    after: str


class TooManyCustomers(BadInput):
    """So many are called that way that some would be left out."""

    message = format_lazy(
        _("More than {most} customers are called that way. Write more of the name or address."),
        most=MOST_CUSTOMERS,
    )


@dataclass(frozen=True)
class Chapter:
    """What an export holds of one customer: their whole conversation, or these tickets of it."""

    conversation: Conversation
    tickets: Sequence[Ticket]
    whole: bool


def search(agent: Agent, asked: Asked, after: str = "") -> Found:
    """One page of the tickets an agent may read that fit. Raises ValueError for no cursor, and
    TooManyCustomers."""
    rows = _asked_rows(Ticket.objects.visible_to(agent), asked)
    if rows is None:
        return Found([], {}, "")
    if after:
        at, pk = timeline.parse_cursor(after)
        rows = rows.filter(opened_at__lte=at).exclude(opened_at=at, pk__gte=pk)
    rows = rows.order_by("-opened_at", "-id")
    text = asked.text.strip()[:200]
    ids = _with_words(rows, text) if text else _ids(rows, PAGE + 1)
    shown = ids[:PAGE]
    tickets = _rows(agent, shown)
    more = len(ids) > PAGE and bool(tickets)
    return Found(tickets, _hits(shown, text) if text else {}, _cursor(tickets[-1]) if more else "")


def every(agent: Agent, asked: Asked, limit: int) -> Sequence[int]:
    """The ids of the tickets that fit, at most `limit`, newest first. Raises TooManyCustomers."""
    found: list[int] = []
    after = ""
    while len(found) < limit:
        page = search(agent, asked, after)
        found += [ticket.pk for ticket in page.tickets]
        after = page.next
        if not after:
            break
    return found[:limit]


def stretch(
    conversation: Conversation,
    agent: Agent,
    *,
    ticket: Ticket | None = None,
    before: str = "",
    after: str = "",
    around: Entry | None = None,
) -> Stretch:
    """Two hundred entries: from the first one on, before or after a cursor, or from shortly before
    an entry on."""
    if around:
        here = timeline.cursor(around)
        after = timeline.page(conversation, agent, before=here, ticket=ticket).before
    found: list[Entry] = []
    first, last = "", ""
    for n in range(STRETCH):
        page = timeline.page(
            conversation, agent, before=before, after=after, ticket=ticket, first=not before
        )
        found = [*page.entries, *found] if before else [*found, *page.entries]
        first = page.before if before or not n else first
        last = page.after if not before or not n else last
        before, after = (page.before, "") if before else ("", page.after)
        if not (before or after):
            break
    return Stretch(found, first, last)


def chapters(agent: Agent, tickets: Sequence[int]) -> Iterator[Chapter]:
    """These tickets as they stand, those an agent may still read, one customer after another."""
    rows = with_holders(Ticket.objects.visible_to(agent).filter(pk__in=tickets))
    together: dict[int, list[Ticket]] = {}
    for ticket in rows.order_by("opened_at", "id"):
        together.setdefault(ticket.conversation_id, []).append(ticket)
    for own in together.values():
        yield Chapter(own[0].conversation, own, whole=False)


def whole(agent: Agent, conversation: Conversation) -> Chapter:
    rows = with_holders(Ticket.objects.visible_to(agent).filter(conversation=conversation))
    return Chapter(conversation, list(rows.order_by("opened_at", "id")), whole=True)


def with_holders(tickets: TicketQuerySet) -> TicketQuerySet:
    return tickets.select_related("conversation__customer", "team", "agent", "bot", "inbox")


def entries_of(
    chapter: Chapter, agent: Agent, *, with_notes: bool, until: datetime
) -> EntryQuerySet:
    """Its entries up to a moment. Without notes only what was said with the customer is left:
    events tell how we work, and are left out like notes."""
    rows = Entry.objects.visible_to(agent).filter(at__lte=until)
    if chapter.whole:
        rows = rows.filter(conversation=chapter.conversation)
    else:
        rows = rows.filter(ticket__in=[ticket.pk for ticket in chapter.tickets])
    return rows if with_notes else rows.filter(kind__in=(Kind.MESSAGE, Kind.CALL))


def pieces(rows: EntryQuerySet) -> Iterator[Sequence[Entry]]:
    """All of these entries in their order, some at a time."""
    ordered = _with_all(rows).order_by("at", "id")
    after: tuple[datetime, int] | None = None
    while True:
        asked = ordered
        if after:
            asked = ordered.filter(at__gte=after[0]).exclude(at=after[0], pk__lte=after[1])
        piece = list(asked[:PIECE])
        if piece:
            yield piece
        if len(piece) < PIECE:
            return
        after = (piece[-1].at, piece[-1].pk)


def _with_all(rows: EntryQuerySet) -> EntryQuerySet:
    """With all that a file says and no more, in a fixed number of queries. Files are `listed`, as
    a manager for each of thousands of entries costs more than reading them; `html` shows by its
    length where it is cut."""
    return (
        rows.select_related("delivery", "body")
        .only(*WRITTEN)
        .annotate(html=Left("body__html", LONGEST_BODY + 1))
        .prefetch_related(
            Prefetch("agent", queryset=Agent.objects.only("name", "email")),
            "bot",
            Prefetch("identity", queryset=Identity.objects.only("kind", "value", "label")),
            Prefetch("inbox", queryset=Inbox.objects.only("name", "kind", "address")),
            Prefetch("ticket", queryset=Ticket.objects.only("subject", "inbox")),
            Prefetch("ticket__inbox", queryset=Inbox.objects.only("kind")),
            Prefetch(
                "attachments",
                queryset=Attachment.objects.order_by("position"),
                to_attr="listed",
            ),
        )
    )


def _asked_rows(rows: TicketQuerySet, asked: Asked) -> TicketQuerySet | None:
    """None where nobody is called that way."""
    if asked.customer.strip():
        named = _named(asked.customer.strip()[:200])
        if not named:
            return None
        rows = rows.filter(conversation__in=named)
    if asked.agent:
        rows = _held(rows, "agent", asked.agent)
    if asked.team:
        rows = rows.filter(team=asked.team) if asked.agent else _held(rows, "team", asked.team)
    if asked.channel:
        rows = rows.filter(inbox__in=_inboxes_of(asked.channel))
    if asked.status:
        rows = rows.filter(status=asked.status)
    if asked.since:
        rows = rows.filter(opened_at__gte=_midnight(asked.since))
    if asked.until:
        rows = rows.filter(opened_at__lt=_midnight(asked.until + timedelta(days=1)))
    return rows


def _inboxes_of(channel: str) -> list[int]:
    """Of a medium, whoever provides it; searches of earlier releases name the kind itself."""
    rows = Inbox.objects.only("kind")
    return [inbox.pk for inbox in rows if channel in (inbox.channel, inbox.kind)]


def _held(rows: TicketQuerySet, column: str, value: int) -> TicketQuerySet:
    """Said for resolved and unresolved ones apart, as each have an index of their own."""
    resolved = Q(status=Status.RESOLVED)
    return rows.filter((resolved & Q(**{column: value})) | (~resolved & Q(**{column: value})))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _named(text: str) -> Sequence[int]:
    """All live conversations of customers who are called that way. Raises TooManyCustomers."""
    named = customers_called(text, MOST_CUSTOMERS + 1)
    if len(named) > MOST_CUSTOMERS:
        raise TooManyCustomers
    return named


def _with_words(rows: TicketQuerySet, text: str) -> list[int]:
    """Common words are found at once in the newest tickets; for rare ones all entries that have
    them are few. Which it is shows when the first way does not fill the page."""
    near = _ids(rows, WALK)
    with_words = _hits(near, text)
    found = [pk for pk in near if pk in with_words][: PAGE + 1]
    if len(found) > PAGE or len(near) < WALK:
        return found
    return _ids(rows.filter(pk__in=RawSQL(*_everywhere(text))), PAGE + 1)


def _everywhere(text: str) -> tuple[str, list[str]]:
    return EVERYWHERE.replace("%(text)s", "%s"), [text]


def _ids(rows: TicketQuerySet, limit: int) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:limit])


def _rows(agent: Agent, ids: Sequence[int]) -> Sequence[Ticket]:
    """What a list shows of these tickets, in this order."""
    rows = desk.rows_of(Ticket.objects.visible_to(agent).filter(pk__in=ids))
    whole = rows.only(*desk.ROW, "opened_at", "inbox").prefetch_related(
        "bot", Prefetch("inbox", queryset=Inbox.objects.only("kind"))
    )
    by_id = {row.pk: row for row in whole}
    return [by_id[pk] for pk in ids if pk in by_id]


def _hits(tickets: Sequence[int], text: str) -> dict[int, Hit]:
    with connection.cursor() as cursor:
        cursor.execute(AMONG, {"tickets": list(tickets), "text": text})
        return {ticket: Hit(entry, start) for ticket, entry, start in cursor.fetchall()}


def _cursor(ticket: Ticket) -> str:
    return f"{ticket.opened_at.isoformat()},{ticket.pk}"
