"""What a verb did to a conversation: its entries and the head it left."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conversations.models import Conversation, Entry, Ticket
from tests import builders
from tests.properties import laws
from tests.properties.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Agent


@dataclass
class Happened:
    """`kinds` names the new entries in order: "in", "out", "note", or an event's name; `raised` is
    by how much the head went up."""

    kinds: list[str] = field(default_factory=list)
    raised: int = 0
    entries: list[Entry] = field(default_factory=list)


@contextmanager
def watched(ticket: Ticket, reader: Agent | None = None) -> Iterator[Happened]:
    """Watch a conversation. Pages that were open before catch up to what a new page shows, whether
    they ask for much or little at a time, and all laws hold."""
    pk = ticket.conversation_id
    known = set(Entry.objects.values_list("pk", flat=True))
    head = builders.head_of(pk)
    viewer = reader or ticket.team.memberships.order_by("pk")[0].agent
    pages = [Reader(pk, viewer, limit).load() for limit in (1, 3, 200)]
    seen = Happened()
    yield seen
    live = Conversation.objects.resolve(pk)
    seen.entries = list(Entry.objects.exclude(pk__in=known).order_by("at", "id"))
    seen.kinds = [entry.event or entry.direction or entry.kind for entry in seen.entries]
    seen.raised = builders.head_of(live.pk) - head
    for page in pages:
        page.catch_up().assert_fresh()
    laws.check()
