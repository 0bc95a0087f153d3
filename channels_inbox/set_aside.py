"""What came in and didn't get into a conversation: dead items, and those ignored for a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import BinaryField, F, Value
from django.db.models.functions import Substr
from django.http import Http404
from django.utils.translation import gettext

from channels_inbox import receive
from channels_inbox.models import Item, ItemState
from channels_inbox.registry import adapter
from conversations.models import Inbox
from conversations.permissions import require_supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from conversations.models import Agent

PAGE = 50
GLANCE_BYTES = 16 * 1024
STATES = (ItemState.DEAD, ItemState.IGNORED)


@dataclass(frozen=True)
class Row:
    """An item as the list shows it."""

    item: Item
    sender: str
    subject: str
    reason: str


@dataclass(frozen=True)
class Page:
    """Items, newest first, and the id to go on from (None at the end)."""

    rows: Sequence[Row]
    next: int | None


def page(agent: Agent, *, state: str, before: int | None = None) -> Page:
    """One page of dead or ignored items. Raises ValueError for another state."""
    if state not in STATES:
        raise ValueError(state)
    items = visible_to(agent).filter(state=state)
    if before is not None:
        items = items.filter(pk__lt=before)
    start = Substr(F("envelope__raw"), Value(1), Value(GLANCE_BYTES), output_field=BinaryField())
    found = list(
        items.annotate(start=start)
        .select_related("envelope", "inbox__team")
        .defer("envelope__raw")
        .order_by("-pk")[: PAGE + 1]
    )
    more = len(found) > PAGE
    found = found[:PAGE]
    return Page([_row(item) for item in found], found[-1].pk if more else None)


def row_of(item: Item) -> Row:
    """One item by itself, with the top of its payload read from where it is kept."""
    item.start = receive.body_of(item.envelope)[:GLANCE_BYTES]  # type: ignore[attr-defined]
    return _row(item)


def item_for(agent: Agent, pk: int) -> Item:
    """Raises Http404 for what the agent may not see, NotAllowed for who is no supervisor."""
    require_supervisor(agent)
    item = visible_to(agent).select_related("envelope__inbox").filter(pk=pk).first()
    if item is None:
        raise Http404
    return item


def visible_to(agent: Agent) -> QuerySet[Item]:
    """Items an agent may read: those of restricted inboxes only in their team."""
    return Item.objects.filter(inbox__in=Inbox.objects.visible_to(agent))


def in_words(reason: str) -> str:
    """A reason as a sentence. What a parser said is shown as it is."""
    code, colon, detail = reason.partition(": ")
    if code not in receive.REASONS:
        return reason
    return f"{gettext(receive.REASONS[code])}{colon}{detail}"


def _row(item: Item) -> Row:
    start: bytes = getattr(item, "start", None) or b""
    heads = adapter(item.inbox.kind).heads(bytes(start)) if start else ()
    head = next((head for head in heads if head.position == item.position), None)
    return Row(
        item, head.sender if head else "", head.subject if head else "", in_words(item.reason)
    )
