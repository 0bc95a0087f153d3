"""What the card of an entry shows, as plain values in the reader's words and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from conversations.templatetags.desk import (
    author,
    initials,
    matter_name,
)
from conversations.templatetags.happenings import sentence
from conversations.views.call_cards import CallCard, call_of
from conversations.views.drawing import draw
from conversations.views.feed import Fold, folded, rows_of
from conversations.views.promise_cards import Suggested, Vow, suggested_of, vows_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.safestring import SafeString

    from conversations.models import Agent, Attachment, Customer, Delivery, Entry
    from conversations.moments import Reader
    from conversations.views.feed import Row

EVENT_ICONS = {
    "not_sent": "triangle-alert",
    "bounced": "triangle-alert",
    "resolved": "circle-check",
    "joined": "merge",
    "code_made": "key-round",
    "resumed": "key-round",
    "resumed_apart": "triangle-alert",
    "parted": "merge",
    "promised": "calendar-clock",
    "promise_due": "calendar-clock",
    "promise_kept": "calendar-check",
    "promise_kept_late": "calendar-x",
    "promise_broken": "calendar-x",
}
SMALL_HTML, SMALL_TEXT = 1500, 600


class File(NamedTuple):
    """A file of a message. `state` is that of its storing."""

    name: str
    public_id: str
    size: str
    state: str
    state_words: str
    reason: str


class Way(NamedTuple):
    """How an outbound message is on its way out. `next_try` is when it is tried again. It is queued
    until something came of trying: that a worker began rings no page, so none may say so."""

    state: str
    error: str
    next_try: str


class Quoted(NamedTuple):
    """The message it was written under, which `entry` is."""

    entry: int
    text: str
    ours: bool


class Message(NamedTuple):
    """A message, note or call."""

    look: str
    withdrawn: bool
    edits: int
    letters: str
    ours: bool
    bot: bool
    name: str
    subject: str
    late: str
    claimed: bool
    quiet: bool
    others: int
    also_at: str
    text: str
    long: bool
    images: tuple[File, ...]
    files: tuple[File, ...]
    frame: str
    way: Way | None
    vows: tuple[Vow, ...]
    suggested: Suggested | None
    call: CallCard | None
    quoted: Quoted | None = None


class Happening(NamedTuple):
    """An event as one line."""

    icon: str
    words: str


class Card(NamedTuple):
    """One entry of the feed. A row that is patched in says day and matter too; the page hides what
    its neighbour says already."""

    pk: int
    at: str
    clock: str
    full: str
    day: str
    day_words: str
    new_day: bool
    conversation: int
    ticket: int | None
    matter: str
    new_matter: bool
    channel: str
    folded: bool
    target: bool
    event: Happening | None
    message: Message | None

    @property
    def key(self) -> str:
        return f"entry:{self.pk}"


class FoldedCards(NamedTuple):
    """Events in a row, shown as one line that opens."""

    cards: tuple[Card, ...]

    @property
    def last(self) -> Card:
        return self.cards[-1]

    @property
    def drawn(self) -> list[SafeString]:
        return [draw("row", card) for card in self.cards]


def drawn_feed(
    entries: Iterable[Entry],
    viewer: Agent,
    customer: Customer,
    reader: Reader,
    *,
    target: str = "",
) -> list[SafeString]:
    """The markup of a page of the feed, in its order."""
    return [
        _drawn_fold(item, viewer, customer, reader, target)
        if isinstance(item, Fold)
        else drawn(item, viewer, customer, reader, target=target)
        for item in folded(rows_of(entries, reader))
    ]


def drawn(
    row: Row, viewer: Agent, customer: Customer, reader: Reader, *, target: str = ""
) -> SafeString:
    """The markup of one row of the feed, as page and catch-up show it."""
    card = card_of(row, viewer, customer, reader, target=target)
    return draw("row", card, length=len(row.entry.text))


def _drawn_fold(
    fold: Fold, viewer: Agent, customer: Customer, reader: Reader, target: str
) -> SafeString:
    cards = (
        card_of(row, viewer, customer, reader, folded=True, target=target) for row in fold.rows
    )
    return draw("fold", FoldedCards(tuple(cards)))


def card_of(
    row: Row,
    viewer: Agent,
    customer: Customer,
    reader: Reader,
    *,
    folded: bool = False,
    target: str = "",
) -> Card:
    entry = row.entry
    said = reader.said(entry.at)
    ticket = entry.ticket
    return Card(
        pk=entry.pk,
        at=entry.at.isoformat(),
        clock=said.clock,
        full=said.full,
        day=said.day.isoformat(),
        day_words=reader.day_line(said.day),
        new_day=row.new_day,
        conversation=entry.conversation_id,
        ticket=entry.ticket_id,
        matter=matter_name(ticket) if ticket else "",
        new_matter=row.new_matter,
        channel=row.channel,
        folded=folded,
        target=target == str(entry.pk),
        event=_happening(entry, viewer) if entry.is_event else None,
        message=None if entry.is_event else _message(row, viewer, customer, reader),
    )


def _happening(entry: Entry, viewer: Agent) -> Happening:
    return Happening(EVENT_ICONS.get(entry.event, "circle-dashed"), sentence(entry, viewer))


def _message(row: Row, viewer: Agent, customer: Customer, reader: Reader) -> Message:
    entry = row.entry
    name = author(entry, viewer, customer)
    data = entry.data
    return Message(
        look="note" if entry.is_note else "out" if entry.is_outbound else "in",
        withdrawn=entry.withdrawn_at is not None,
        edits=len(data.get("edits", [])),
        letters=initials(entry.agent.name if entry.agent and not entry.is_inbound else name),
        ours=not entry.is_inbound,
        bot=entry.bot_id is not None,
        name=name,
        subject=entry.subject if row.new_subject else "",
        late=_late(entry, reader),
        claimed=row.is_claimed,
        quiet=bool(data.get("quiet")),
        others=len(row.others) if entry.is_inbound else 0,
        also_at=", ".join(map(str, data.get("also_at", []))),
        text=row.text,
        long=row.is_long,
        images=_files(row.images),
        files=_files(row.files),
        frame=_frame(entry),
        way=_way(getattr(entry, "delivery", None), reader),
        vows=vows_of(entry, reader),
        suggested=suggested_of(entry, viewer, reader),
        call=call_of(entry, viewer),
        quoted=_quoted(data.get("quotes")),
    )


def _quoted(told: dict[str, Any] | None) -> Quoted | None:
    return Quoted(told["entry"], told["text"], told["ours"]) if told else None


def _late(entry: Entry, reader: Reader) -> str:
    if not entry.late:
        return ""
    if entry.occurred_at:
        return _("Late, written %(time)s") % {"time": reader.soon(entry.occurred_at)}
    return _("Arrived late")


def _files(files: Iterable[Attachment]) -> tuple[File, ...]:
    return tuple(
        File(
            file.filename,
            str(file.public_id),
            filesizeformat(file.size),
            file.state,
            file.get_state_display(),
            file.reason if file.state == "refused" else "",
        )
        for file in files
    )


def _frame(entry: Entry) -> str:
    """Which frame the whole message gets: none, "html", "text", each perhaps "small"."""
    html, full_text = getattr(entry, "html_size", None), getattr(entry, "full_text_size", 0)
    if html is None:
        return ""
    small = " small" if html < SMALL_HTML and full_text < SMALL_TEXT else ""
    return ("html" if html else "text") + small


def _way(delivery: Delivery | None, reader: Reader) -> Way | None:
    if delivery is None:
        return None
    state = "queued" if delivery.state == "sending" else delivery.state
    waits = state == "queued" and delivery.error
    next_try = reader.soon(delivery.next_at) if waits and delivery.next_at else ""
    return Way(state, delivery.error, next_try)
