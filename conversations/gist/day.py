"""The day that a customer names: "tomorrow", "thứ hai", "24/12"."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import cache
from typing import TYPE_CHECKING, Final

from conversations.gist import time_words
from conversations.gist.due import WorkingWeek, due
from conversations.gist.lexicon import Lexicon, lacks_signs, tokens
from conversations.gist.texts import own_text
from conversations.gist.times import Reader

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

EVERY_DAY: Final = WorkingWeek(frozenset(range(7)), time(23, 59))
READ_AT_MOST: Final = 60


def day_in(text: str, *, written_at: datetime, zone: ZoneInfo) -> date | None:
    """The first day to come that is said in a text, in that zone; `written_at` is aware."""
    own = own_text(text)
    times = _unsigned() if lacks_signs(own) else _signed()
    for said, _first, _last in Reader(times.marks(tokens(own)[:READ_AT_MOST]), closed=True).read():
        if not said.names_a_day and not said.date and said.weekday is None:
            continue
        found = due(said, written_at=written_at, zone=zone, week=EVERY_DAY)
        if found:
            return found[0].date()
    return None


@cache
def _signed() -> Lexicon:
    return Lexicon(time_words.VIETNAMESE, time_words.ENGLISH)


@cache
def _unsigned() -> Lexicon:
    return Lexicon(time_words.UNSIGNED, time_words.VIETNAMESE, time_words.ENGLISH, fold=True)
