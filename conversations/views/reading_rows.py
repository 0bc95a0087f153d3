"""The rows of a transcript: the cards of the desk with nothing on them that changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from conversations.moments import Reader
from conversations.views import cards, feed
from conversations.views.drawing import draw
from conversations.views.feed import Fold
from conversations.views.waits import wait_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.utils.safestring import SafeString

    from conversations.models import Agent, Customer, Entry
    from conversations.views.cards import Card
    from conversations.views.feed import Row


class ReadFold(NamedTuple):
    """Events in a row, shown as one line that opens."""

    cards: tuple[Card, ...]

    @property
    def last(self) -> Card:
        return self.cards[-1]

    @property
    def drawn(self) -> list[SafeString]:
        return [draw("read_row", card) for card in self.cards]


def drawn(
    entries: Sequence[Entry], viewer: Agent, customer: Customer, *, target: str = ""
) -> Iterator[SafeString]:
    before: Entry | None = None
    reader = Reader.here()
    for item in feed.folded(feed.rows_of(entries, reader)):
        if isinstance(item, Fold):
            yield _fold(item, viewer, customer, reader, target)
            continue
        if wait := wait_between(before, item.entry):
            yield draw("wait", wait)
        yield _row(item, viewer, customer, reader, target)
        if not (item.entry.is_note or item.entry.is_event):
            before = item.entry


def _row(row: Row, viewer: Agent, customer: Customer, reader: Reader, target: str) -> SafeString:
    card = cards.card_of(row, viewer, customer, reader, target=target)
    return draw("read_row", card, length=len(row.entry.text))


def _fold(fold: Fold, viewer: Agent, customer: Customer, reader: Reader, target: str) -> SafeString:
    made = (
        cards.card_of(row, viewer, customer, reader, folded=True, target=target)
        for row in fold.rows
    )
    return draw("read_fold", ReadFold(tuple(made)))
