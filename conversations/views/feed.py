"""A thread as it is shown: rows that know what to say about what came before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from conversations.customers import untagged
from conversations.models import Proof
from conversations.models.inboxes import medium_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from conversations.models import Attachment, Entry
    from conversations.moments import Reader

LONG_TEXT = 900
LONG_LINES = 12
MOST_TEXT = 20_000


@dataclass(frozen=True)
class Row:
    """One entry. `day`, `matter` and `subject` tell what differs from the row before it; a row that
    is patched in shows all of them, and the page hides what its neighbour says already."""

    entry: Entry
    new_day: bool
    new_matter: bool
    new_subject: bool

    @property
    def channel(self) -> str:
        if self.entry.is_note or self.entry.is_event:
            return ""
        inbox, identity = self.entry.inbox, self.entry.identity
        return medium_of(inbox.kind) if inbox else identity.kind if identity else ""

    @property
    def text(self) -> str:
        return self.entry.text[:MOST_TEXT]

    @property
    def is_long(self) -> bool:
        return len(self.entry.text) > LONG_TEXT or self.entry.text.count("\n") > LONG_LINES

    @property
    def is_claimed(self) -> bool:
        """Whether it names an address that nothing proves; a nameless visitor claims none."""
        named = self.channel != "chat"
        return named and self.entry.is_inbound and self.entry.proof == Proof.CLAIMED

    @property
    def others(self) -> list[str]:
        """Who else was on it, as its own words say."""
        data = self.entry.data
        own = self.entry.inbox.address.lower() if self.entry.inbox else ""
        named = [*data.get("to", []), *data.get("cc", [])]
        return [str(one) for one in named if untagged(str(one).lower()) != own]

    @property
    def hidden_copies(self) -> list[str]:
        return [str(one) for one in self.entry.data.get("bcc", [])]

    @property
    def files(self) -> list[Attachment]:
        return [file for file in self.entry.attachments.all() if not file.inline]

    @property
    def images(self) -> list[Attachment]:
        return [file for file in self.entry.attachments.all() if file.inline]


@dataclass(frozen=True)
class Fold:
    """Events in a row, shown as one line that opens."""

    rows: Sequence[Row]


def rows_of(entries: Iterable[Entry], reader: Reader) -> list[Row]:
    found: list[Row] = []
    previous: Entry | None = None
    last: date | None = None
    said: dict[int | None, str] = {}
    for entry in entries:
        subject, day = _bare(entry.subject), reader.said(entry.at).day
        found.append(
            Row(
                entry,
                day != last,
                entry.ticket_id is not None
                and (previous is None or previous.ticket_id != entry.ticket_id),
                bool(subject) and said.get(entry.ticket_id, _matter(entry)) != subject,
            )
        )
        if subject:
            said[entry.ticket_id] = subject
        if entry.ticket_id is not None:
            previous, last = entry, day
    return found


def patched(entries: Iterable[Entry]) -> list[Row]:
    """Rows on their own, as catch-up brings them."""
    return [alone(entry) for entry in entries]


def alone(entry: Entry) -> Row:
    return Row(
        entry,
        True,
        entry.ticket_id is not None,
        entry.subject != "" and _bare(entry.subject) != _matter(entry),
    )


def folded(rows: Iterable[Row]) -> list[Row | Fold]:
    """Runs of two events and more become one line; a new day or matter starts another run."""
    items: list[Row | Fold] = []
    run: list[Row] = []
    for row in rows:
        starts = row.new_day or row.new_matter
        if run and (starts or not row.entry.is_event):
            items += _closed(run)
            run = []
        if row.entry.is_event:
            run.append(row)
        else:
            items.append(row)
    return items + _closed(run)


def _closed(run: list[Row]) -> list[Row | Fold]:
    return [Fold(run)] if len(run) > 1 else list(run)


def _bare(subject: str) -> str:
    """A subject without the prefixes that answers and forwards put before it."""
    text = subject.strip()
    while text[:3].lower() in ("re:", "fw:", "aw:", "tl:") or text[:4].lower() == "fwd:":
        text = text.partition(":")[2].strip()
    return text.casefold()


def _matter(entry: Entry) -> str:
    return _bare(entry.ticket.subject) if entry.ticket else ""
