"""Dates: "15 March", "15/3", "2026-03-15", "ngày 15 tháng 3"."""

from __future__ import annotations

from conversations.gist import time_words as words
from conversations.gist.marks import Marks


class Dates(Marks):
    def _date(self) -> bool:
        said = self.said
        if said.date or said.names_a_day and said.weekday is None:
            return False
        value = self.value()
        if value > 999:
            return self._year_first(value)
        if value > 31 or not value:
            return False
        if self.kind(1) == "slash" and self.kind(2) == "number":
            return self._slashed(value)
        length = 2 if self.kind(1) == "ordinal" else 1
        if self.kind(length) in {"event", "fill"} and self.kind(length + 1) == "month":
            length += 1
        if self.kind(length) == "month":
            said.date = (0, self.value(length), value)
            self.at += length + 1
            return self._year()
        if self.kind(1) == "unit" and self.value(1) == words.MONTH and self.kind(2) == "number":
            said.date = (0, self.value(2), value)
            self.at += 3
            return self._year()
        if self.kind(1) == "ordinal":
            said.date = (0, 0, value)
            self.at += 2
            return True
        return False

    def _year_first(self, year: int) -> bool:
        signs = [self.kind(1), self.kind(3)]
        if signs != ["or", "or"] or self.kind(2) != "number" or self.kind(4) != "number":
            return False
        self.said.date = (year, self.value(2), self.value(4))
        self.at += 5
        return True

    def _slashed(self, first: int) -> bool:
        self.said.date = (0, self.value(2), first)
        self.said.slashed = True
        self.at += 3
        if self.kind() == "slash" and self.kind(1) == "number":
            self.at += 1
            return self._year()
        return True

    def _year(self) -> bool:
        """The year behind a date, if there is one; the date counts either way."""
        skip = 1 if self.kind() in {"fill", "year", "slash"} else 0
        if self.kind(skip) == "number" and self.said.date:
            value = self.value(skip)
            if 2000 <= value <= 2999 or (value < 100 and self.marks[self.at - 1].kind == "slash"):
                self.said.date = (value % 1000 + 2000, *self.said.date[1:])
                self.at += skip + 1
        return True
