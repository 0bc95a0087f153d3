"""Lengths of time: "2-3 days", "half an hour", "một vài ngày"."""

from __future__ import annotations

from typing import Final

from conversations.gist import time_words as words
from conversations.gist.marks import Marks

EXACT: Final = {words.MINUTE: 1, words.HOUR: 60}


class Lengths(Marks):
    def _length(self) -> bool:
        """ "2-3 days", "half an hour", "a couple of weeks": the longer one counts."""
        count, length = self._count()
        if self.kind(length) != "unit":
            return False
        unit = self.value(length)
        if unit == words.WEEKEND or self.said.is_length or self.said.names_a_day:
            return False
        self._set_length(count, unit)
        self.at += length + 1
        return self._from_when()

    def _count(self) -> tuple[int, int]:
        """A number, or the upper of two, and how many marks it takes."""
        if self.kind(1) == "few":
            self.said.vague = True
            return self.value(1), 2
        if self.kind(1) in {"or", "next"} and self.kind(2) in {"number", "year"}:
            return (5 if self.kind(2) == "year" else self.value(2)), 3
        return self.value(), 1

    def _set_length(self, count: int, unit: int) -> None:
        said = self.said
        said.is_length = True
        if unit in EXACT:
            said.minutes = count * EXACT[unit]
        elif unit == words.WORKDAY:
            said.workdays = count
        elif unit == words.MONTH:
            said.date, said.months = None, count
        else:
            said.days = count * {words.WEEK: 7, words.FORTNIGHT: 14}.get(unit, 1)

    def _from_when(self) -> bool:
        """What follows a length: from now, ago, or from something nobody knows the time of."""
        said = self.said
        following = self.kind()
        if following == "before":
            said.past = True
            self.at += 1
        elif following in {"later", "next"}:
            self.at += 1
        elif following == "past":
            pass
        else:
            said.bare_length = self.intro not in {"in", "next", "by"}
        said.of_event = self.kind() in {"event", "until"}
        return True

    def few(self) -> bool:
        self.said.vague = True
        if self.kind(1) != "unit":
            return False
        self._set_length(self.value(), self.value(1))
        self.at += 2
        return self._from_when()

    def half(self) -> bool:
        if self.kind(1) != "unit" or self.value(1) not in {words.HOUR, words.MONTH, words.DAY}:
            return False
        unit = self.value(1)
        self.said.is_length = True
        if unit == words.HOUR:
            self.said.minutes = 30
        else:
            self.said.days = 15 if unit == words.MONTH else 1
        self.at += 2
        return self._from_when()

    def year(self) -> bool:
        """ "năm" is five before a unit, and a year otherwise."""
        if self.kind(1) != "unit" or self.said.is_length:
            return False
        self._set_length(5, self.value(1))
        self.at += 2
        return self._from_when()
