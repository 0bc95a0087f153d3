"""What a customer may see in a window of ours, counted by a number of its own.

Only messages to and from an identity that we show ourselves are in it, and who read them to take
over: no note, no other event, no mail, nothing of another identity. Each has a `public_rev`, a new
one each time what the customer sees of it changes; neither the conversation's head nor any row
number leaves the desk.

A stream is one such count. It belongs to an identity; another one of the same customer may be
shown in it (`adopt`): who wrote before signing in goes on reading what they wrote. Numbers are
given under the conversation's lock, and under the row lock of the stream's identity, so that a join
taken back in between can't give one twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import F, Max, Prefetch, Q
from django.db.models.functions import Coalesce

from conversations import doorbells
from conversations.columns import Columns
from conversations.models import Attachment, Direction, Entry, Identity, Kind
from conversations.models.identities import SHOWN_BY_US

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from conversations.models import Ticket
    from conversations.models.entries import EntryQuerySet

PAGE = 50
READ = "offer_accepted"
# What of a row the customer sees.
SHOWN_FIELDS = {"Entry": {"text", "withdrawn_at"}, "Attachment": {"state"}}

NEXT = """
UPDATE conversations_identity SET public_rev = public_rev + 1
WHERE id = (SELECT coalesce(stream_id, id) FROM conversations_identity WHERE id = %s)
RETURNING id, public_rev
"""
IDENTITY = Columns(Identity)
WINDOW = f"""
SELECT {IDENTITY.of("i")} FROM (
  SELECT identity_id FROM conversations_entry
  WHERE ticket_id = %(ticket)s AND direction = 'in' ORDER BY at DESC, id DESC LIMIT 1
) last JOIN conversations_identity i ON i.id = last.identity_id
WHERE i.kind = ANY(%(kinds)s) AND i.origin_id = %(origin)s
"""
RENUMBER = """
UPDATE conversations_entry e SET public_rev = %s + n.place
FROM (
  SELECT id, row_number() OVER (ORDER BY public_rev) AS place
  FROM conversations_entry WHERE identity_id = %s AND public_rev IS NOT NULL
) n
WHERE e.id = n.id
"""


@dataclass(frozen=True)
class Shown:
    """Entries of a stream. `rev` is how far they go, read before them: ask again from there while
    `more`. With `reset` the window has to be read anew. `earlier`: there are older ones. `family`
    are the identities (row ids) of the stream."""

    rev: int
    entries: Sequence[Entry]
    family: Sequence[int]
    more: bool = False
    reset: bool = False
    earlier: bool = False


@dataclass(frozen=True)
class _Stream:
    rev: int
    reset: int
    family: list[int]


def number(kind: str, identity: Identity | None, event: str = "") -> int | None:
    """The public number of a new entry, or None for one that no customer sees here."""
    if identity is None or identity.kind not in SHOWN_BY_US:
        return None
    return _next(identity.pk) if kind == Kind.MESSAGE or event == READ else None


def window_of(ticket: Ticket) -> Identity | None:
    """Where the customer of a ticket is told who has read what they wrote: in the window they last
    wrote in, or nowhere. One that a join put beside the ticket may leave it again, and is not told.
    """
    asked = {"ticket": ticket.pk, "origin": ticket.origin_id, "kinds": list(SHOWN_BY_US)}
    return next(iter(IDENTITY.asked(WINDOW, asked)), None)


def changed(row: Any, fields: Sequence[str]) -> None:
    """A row of the thread was saved: its entry gets a new number if the customer sees it."""
    if not SHOWN_FIELDS.get(type(row).__name__, set()).intersection(fields):
        return
    entry = row if isinstance(row, Entry) else row.entry
    if entry is not None and entry.public_rev is not None and entry.identity_id is not None:
        entry.public_rev = _next(entry.identity_id)
        Entry.objects.filter(pk=entry.pk).update(public_rev=entry.public_rev)


def _next(identity_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(NEXT, [identity_id])
        stream, rev = cursor.fetchone()
    doorbells.ring_visitor(stream, rev)
    return int(rev)


def adopt(stream: Identity, other: Identity) -> None:
    """From now on `other` is shown in the stream of `stream`. Under the lock of the conversation of
    both; doing it again changes nothing."""
    both = Identity.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    rows = {row.pk: row for row in both.filter(pk__in=[stream.pk, other.pk])}
    main, joined = rows[stream.pk], rows[other.pk]
    if joined.stream_id is not None or main.pk == joined.pk or main.stream_id is not None:
        return
    base = max(main.public_rev, joined.public_rev)
    with connection.cursor() as cursor:
        cursor.execute(RENUMBER, [base, joined.pk])
        moved = cursor.rowcount
    joined.stream = main
    joined.save(update_fields=["stream"])
    main.public_rev = main.public_reset = base + moved + 1
    main.save(update_fields=["public_rev", "public_reset"])
    doorbells.ring_visitor(main.pk, main.public_rev)


def part(conversations: Sequence[int]) -> None:
    """After a join was taken back: who isn't the same customer any more isn't shown with them."""
    strangers = Identity.objects.filter(
        conversation__in=conversations, stream__isnull=False
    ).exclude(stream__conversation=F("conversation"))
    for identity in strangers.select_related("stream").order_by("pk"):
        assert identity.stream is not None
        rev = _next(identity.stream.pk)
        Identity.objects.filter(pk=identity.stream.pk).update(public_reset=rev)
        Identity.objects.filter(pk=identity.pk).update(
            stream=None, public_rev=rev, public_reset=rev
        )


def looked_at(conversation: int, upto: Mapping[int, datetime]) -> None:
    """An agent had tickets (by id) on screen up to these moments: the visitors whose messages are
    among it may know."""
    own = Entry.objects.filter(
        identity__conversation=conversation,
        identity__kind__in=SHOWN_BY_US,
        conversation=conversation,
        direction=Direction.IN,
        public_rev__isnull=False,
    )
    for ticket, moment in upto.items():
        rows = own.filter(ticket=ticket, at__lte=moment)
        seen = rows.values_list(Coalesce("identity__stream", "identity")).annotate(
            rev=Max("public_rev")
        )
        for stream, rev in seen:
            doorbells.ring_seen(stream, rev)


def since(identity_id: int, rev: int, *, limit: int = PAGE) -> Shown:
    """What changed after a cursor, in the order of change."""
    now = _stream(identity_id)
    if rev > now.rev or rev < now.reset:
        return Shown(now.rev, (), now.family, reset=True)
    if rev == now.rev:
        return Shown(now.rev, (), now.family)
    rows = _entries(now).filter(public_rev__gt=rev, public_rev__lte=now.rev)
    found = list(rows.order_by("public_rev")[: limit + 1])
    if len(found) > limit:
        found = found[:limit]
        return Shown(found[-1].public_rev or 0, found, now.family, more=True)
    return Shown(now.rev, found, now.family)


def newest(identity_id: int, *, limit: int = PAGE) -> Shown:
    """The end of the stream, in thread order."""
    now = _stream(identity_id)
    return _page(_entries(now), now, limit)


def before(identity_id: int, token: UUID, *, limit: int = PAGE) -> Shown:
    """The page before the entry of this client token; an empty one where it isn't in the stream."""
    now = _stream(identity_id)
    rows = _entries(now)
    here = rows.filter(client_token=token).first()
    if here is None:
        return Shown(now.rev, (), now.family)
    older = rows.filter(at__lte=here.at).exclude(at=here.at, pk__gte=here.pk)
    return _page(older, now, limit)


def family(identity_id: int) -> list[int]:
    """The identities shown in the stream of one."""
    rows = Identity.objects.filter(Q(pk=identity_id) | Q(stream=identity_id))
    return list(rows.values_list("pk", flat=True))


def _stream(identity_id: int) -> _Stream:
    """Where it stands, and whose it is, in one moment."""
    rows = Identity.objects.filter(Q(pk=identity_id) | Q(stream=identity_id))
    found = {row[0]: row for row in rows.values_list("pk", "public_rev", "public_reset")}
    _pk, rev, reset = found[identity_id]
    return _Stream(rev, reset, list(found))


def _page(rows: EntryQuerySet, now: _Stream, limit: int) -> Shown:
    found = list(rows.order_by("-at", "-id")[: limit + 1])
    earlier = len(found) > limit
    return Shown(now.rev, found[:limit][::-1], now.family, earlier=earlier)


def _entries(now: _Stream) -> EntryQuerySet:
    """The one filter behind all that a customer sees."""
    rows = Entry.objects.filter(
        Q(kind=Kind.MESSAGE) | Q(event=READ), identity__in=now.family, public_rev__isnull=False
    )
    files = Prefetch("attachments", queryset=Attachment.objects.order_by("position", "pk"))
    return rows.select_related("agent", "bot", "inbox", "delivery").prefetch_related(files)
