"""Points in time as people write them, in English and Vietnamese: from marks to what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conversations.gist import time_words as words
from conversations.gist.clocks import Clocks
from conversations.gist.dates import Dates
from conversations.gist.marks import NOTHING
from conversations.gist.said import Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conversations.gist.lexicon import Mark

# Read over inside of a time, where they stand between two of its parts.
GLUE: Final = frozenset({"fill", "in", "by", "at", "before", "until", "between", "later"})
COUNTED: Final = frozenset({"number", "few", "half", "year"})


class Reader(Dates, Clocks):
    """Reads times from marks that stand side by side. Each step goes on by one mark at least and
    none goes back, so all is read in one pass."""

    def read(self) -> Iterator[tuple[Said, Mark, Mark]]:
        """Every time that is said, with the first and the last of its marks."""
        while self.at < len(self.marks):
            begun = self.at
            if self.kind() in {"fill", "or"}:
                self.at += 1
                continue
            said, after = self._one()
            if said.is_time:
                yield said, self.marks[begun], self.marks[after - 1]
            self.at = after

    def _one(self) -> tuple[Said, int]:
        self.begun = after = self.at
        self.said, self.intro = Said(), NOTHING
        while kind := self.kind():
            step = STEPS.get(kind)
            if step and step(self):
                self._introduced()
                after = self.at
            elif kind in GLUE or (kind == "next" and self.kind(1) in COUNTED):
                self._note(kind)
                self.at += 1
            else:
                break
        return self.said, max(after, self.begun + 1)

    def _note(self, kind: str) -> None:
        """What the next part is introduced by; "in about" and "before the" say what came first."""
        if kind != "fill" and not (kind == "at" and self.intro):
            self.intro = kind

    def _introduced(self) -> None:
        self.said.before = self.said.before or self.intro == "before"
        self.said.until = self.said.until or self.intro == "until"
        self.intro = NOTHING

    # The steps.

    def number(self) -> bool:
        return self._date() or self._clock() or self._length() or self._bare_clock()

    def unit(self) -> bool:
        unit = self.value()
        following = self.kind(1)
        if following == "number" and unit in {words.DAY, words.MONTH}:
            return self._numbered(unit)
        if unit == words.DAY and following in {"day", "weekday"}:
            self.at += 1
            return True
        if unit in {words.WEEK, words.MONTH, words.WEEKEND, words.DAY} and following:
            if following == "next":
                return self._period(unit, 1, 2)
            if following == "this":
                return self._period(unit, 0, 2)
            if following == "before":
                self.said.past = True
                return self._period(unit, 0, 2)
        if unit == words.WEEKEND or self.intro == "in" or self.said.edge is not None:
            return self._period(unit, 0, 1)
        return False

    def next_unit(self) -> bool:
        return self._period(self.value(), 1, 1)

    def _numbered(self, unit: int) -> bool:
        """ "ngày 15", "ngày 15/3", "ngày 15 tháng 3", "tháng 4"."""
        if unit == words.MONTH:
            if self.said.date or not 1 <= self.value(1) <= 12:
                return False
            self.said.date = (0, self.value(1), 0)
            self.at += 2
            return self._year()
        self.at += 1
        if self._date():
            return True
        if self.kind(1) == "or" and self.kind(2) == "number" and self.value(2) <= 12:
            self.said.date = (0, self.value(2), self.value())
            self.at += 3
            return self._year()
        self.said.date = (0, 0, self.value())
        self.at += 1
        return True

    def _period(self, unit: int, ahead: int, length: int) -> bool:
        said = self.said
        if unit == words.MONTH:
            said.months = ahead
            said.edge = words.END if said.edge is None else said.edge
        elif unit in {words.WEEK, words.WEEKEND}:
            said.weeks = ahead
            said.weekend = said.weekend or unit == words.WEEKEND
        elif unit == words.HOUR:
            said.minutes = 60
        elif unit == words.WORKDAY:
            said.workdays = 1
        elif unit == words.DAY:
            said.days = ahead
        else:
            return False
        self.at += length
        return True

    def this(self) -> bool:
        return self._modified(0)

    def next(self) -> bool:
        return self._modified(1)

    def _modified(self, ahead: int) -> bool:
        """ "this week", "next Friday", "this afternoon", "next business day"."""
        following = self.kind(1)
        if following == "unit":
            self.at += 1
            return self._period(self.value(), ahead, 1)
        if following == "weekday":
            self.said.weekday, self.said.weeks = self.value(1), ahead or None
            self.at += 2
            return True
        if following == "part" and not ahead:
            self.said.part, self.said.days = self.value(1), 0
            self.at += 2
            return True
        return False

    def day(self) -> bool:
        if self.said.names_a_day and not self._is_range():
            return False
        self.said.days = self.value()
        self.at += 1
        return True

    def tonight(self) -> bool:
        self.said.days, self.said.part = self.value(), words.EVENING
        self.at += 1
        return True

    def now(self) -> bool:
        """ "nay" belongs to the part of the day before it."""
        if self.said.part is None:
            return False
        self.said.days = 0
        self.at += 1
        return True

    def weekday(self) -> bool:
        said = self.said
        if said.weekday is not None and not self._is_range():
            return False
        said.weekday = self.value()
        self.at += 1
        if self.kind() in {"next", "this"} and self.kind(1) != "unit":
            self.at += 1
        return True

    def month(self) -> bool:
        value = self.value()
        if self.kind(1) == "number" and self.value(1) <= 31:
            self.said.date = (0, value, self.value(1))
            self.at += 3 if self.kind(2) == "ordinal" else 2
            return self._year()
        if self.kind(1) == "fill" and self.kind(2) == "number" and self.kind(3) == "ordinal":
            self.said.date = (0, value, self.value(2))
            self.at += 4
            return self._year()
        if self.intro in {"in", "by"} or self.said.edge is not None or self.said.before:
            self.said.date = (0, value, 0)
            self.at += 1
            return True
        return False

    def part(self) -> bool:
        if self.said.part is not None:
            return False
        self.said.part = self.value()
        self.at += 1
        return True

    def day_end(self) -> bool:
        self.said.day_end = True
        self.at += 1
        return True

    def edge(self) -> bool:
        following = 2 if self.kind(1) == "fill" else 1
        if self.kind(following) not in {"unit", "this", "next", "month", "day", "next_unit"}:
            return False
        self.said.edge = self.value()
        self.at += following
        return True

    def past(self) -> bool:
        self.said.past = True
        self.at += 1
        return True

    def either(self) -> bool:
        """ "today or tomorrow", "9 to 11": the later one is read over the first."""
        if self.at == self.begun or self.kind(1) not in {"number", "day", "weekday"}:
            return False
        if self.kind(1) == "number" and self.said.clock is None:
            return False
        if self.kind(1) == "weekday" and self.said.weekday is None:
            return False
        if self.kind(1) == "day" and not self.said.names_a_day:
            return False
        self.at += 1
        return True


STEPS: Final[dict[str, Callable[[Reader], bool]]] = {
    "number": Reader.number,
    "few": Reader.few,
    "half": Reader.half,
    "year": Reader.year,
    "unit": Reader.unit,
    "next_unit": Reader.next_unit,
    "this": Reader.this,
    "next": Reader.next,
    "day": Reader.day,
    "tonight": Reader.tonight,
    "now": Reader.now,
    "weekday": Reader.weekday,
    "month": Reader.month,
    "part": Reader.part,
    "day_end": Reader.day_end,
    "edge": Reader.edge,
    "past": Reader.past,
    "or": Reader.either,
}
