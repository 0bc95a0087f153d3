"""Times of the day: "5pm", "17h30", "9 to 11", "by 5"."""

from __future__ import annotations

from typing import Final

from conversations.gist.lengths import Lengths

TIMED: Final = frozenset({"at", "by", "before", "until", "between"})


class Clocks(Lengths):
    def _clock(self) -> bool:
        if self.said.clock is not None and not self._is_range():
            return False
        hour, minute, length = self.value(), 0, 1
        if self.kind(1) in {"colon", "dot"} and self.kind(2) == "number":
            minute, length = self.value(2), 3
            if self.kind(1) == "dot" and self.kind(3) != "half_day" and self.intro not in TIMED:
                return False
        elif self.kind(1) == "h":
            return self._clock_by_h(hour)
        elif self.kind(1) == "half_past":
            minute, length = 30, 2
        elif self.kind(1) == "oclock":
            length = 2
        elif self.kind(1) != "half_day":
            return self._clock_range()
        return self._set_clock(hour, minute, length)

    def _clock_by_h(self, hour: int) -> bool:
        """ "17h" and "17h30" are times of the day; "trong 24h", "48h" and "2h nữa" are lengths."""
        if self.kind(2) == "number" and self.value(2) < 60:
            return self._set_clock(hour, self.value(2), 3)
        if self.kind(2) == "half_past":
            return self._set_clock(hour, 30, 3)
        counted = self.intro in {"in", "next"} and self.kind(2) != "part"
        if counted or hour > 24 or self.kind(2) in {"later", "next"}:
            self.said.minutes = hour * 60
            self.said.is_length = True
            self.at += 2
            return self._from_when()
        return self._set_clock(hour, 0, 2)

    def _clock_range(self) -> bool:
        """ "1 to 2pm": the later one counts, and is read next."""
        if self.kind(1) != "or" or self.kind(2) != "number":
            return False
        if self.kind(3) not in {"half_day", "h", "colon"}:
            return False
        self.at += 2
        return True

    def _set_clock(self, hour: int, minute: int, length: int) -> bool:
        if hour > 24 or minute > 59:
            return False
        if self._is_range():
            self.said.until = False
        self.at += length
        self.said.clock = min(hour * 60 + minute, 24 * 60 - 1)
        if self.kind() == "half_day":
            self.said.half_day = self.value()
            self.at += 1
        return True

    def _bare_clock(self) -> bool:
        """ "by 5", "at 3": a number alone, where no word follows it that it could count."""
        if self.intro not in TIMED or self.said.clock is not None or not 0 < self.value() < 24:
            return False
        if not (self.closed or self.kind(1)):
            return False
        if self.intro == "between" and self.kind(1) == "or" and self.kind(2) == "number":
            self.at += 2
        return self._set_clock(self.value(), 0, 1)
