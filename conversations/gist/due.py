"""When something said of a time is due, for somebody who wrote it at a moment in a time zone.

A day without a time of day ends with the working day, a week on its last working day, a part of a
day with its end; "before Friday" is the working day before.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from conversations.gist import time_words as words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from conversations.gist.said import Said

# Each part of a day: when it is over, and before which hour a time in it means the afternoon's.
PARTS: Final = {
    words.FIRST_THING: (time(10), 0),
    words.MORNING: (time(12), 0),
    words.NOON: (time(12), 6),
    words.AFTER_LUNCH: (time(14), 12),
    words.AFTERNOON: (time(17), 12),
    words.EVENING: (time(21), 12),
    words.NIGHT: (time(23), 12),
    words.MIDNIGHT: (time(23, 59), 0),
}
IN_MONTH: Final = {words.EARLY: 5, words.MIDDLE: 15}
IN_WEEK: Final = {words.EARLY: 1, words.MIDDLE: 2}
LAST_MINUTE: Final = time(23, 59)
# "at 3" is said of the afternoon, "at 8" of the morning.
AFTERNOON_UNTIL: Final = 7
# A date so far ahead was meant as one that has been.
FAR: Final = timedelta(days=200)
MONTH_FIRST: Final = frozenset(
    {
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Los_Angeles",
        "America/Phoenix",
        "America/Detroit",
        "America/Boise",
        "America/Anchorage",
        "Pacific/Honolulu",
    }
)


@dataclass(frozen=True, slots=True)
class WorkingWeek:
    """Weekdays from 0 (Monday) on which people work, and when a working day ends."""

    days: frozenset[int] = frozenset(range(5))
    ends: time = time(17)

    @property
    def last(self) -> int:
        return max(self.days, default=4)

    def before(self, day: date) -> date:
        """The last working day before a day."""
        return self._next(day, -1)

    def after(self, day: date, count: int) -> date:
        """The working day that is so many after a day."""
        for _ in range(min(count, 400)):
            day = self._next(day, 1)
        return day

    def _next(self, day: date, step: int) -> date:
        for ahead in range(1, 8):
            found = day + timedelta(days=step * ahead)
            if found.weekday() in self.days:
                return found
        return day + timedelta(days=step)


def due(
    said: Said, *, written_at: datetime, zone: ZoneInfo, week: WorkingWeek
) -> tuple[datetime, float] | None:
    """The moment in that zone, and how sure it is (0-1); None for what is over, or hangs on
    something whose time is not known."""
    if said.of_event or not said.is_time:
        return None
    now = written_at.astimezone(zone)
    if said.minutes is not None:
        exact = written_at.astimezone(UTC) + timedelta(minutes=said.minutes)
        return exact.astimezone(zone), _sure(said)
    try:
        found = _moment(said, now, zone, week)
    except (ValueError, OverflowError):
        return None
    return (found, _sure(said)) if found and found > now else None


def _moment(said: Said, now: datetime, zone: ZoneInfo, week: WorkingWeek) -> datetime | None:
    day = _day(said, now.date(), week, month_first=zone.key in MONTH_FIRST)
    if day is None:
        return None
    found = datetime.combine(day, _time(said, day, now, week), zone)
    if found > now or said.names_a_day or said.clock is None:
        return found
    later = found + timedelta(hours=12)
    if said.half_day is None and said.part is None and found.hour < 12 and later > now:
        return later
    return found + timedelta(days=1)


def _sure(said: Said) -> float:
    doubts = [0.8] if said.vague or said.edge in {words.EARLY, words.MIDDLE} else []
    if said.slashed and said.date and max(said.date[1:]) <= 12:
        doubts.append(0.8)
    if said.weekday is not None and said.weeks:
        doubts.append(0.9)
    if said.until:
        doubts.append(0.8)
    return min(doubts, default=1.0)


def _time(said: Said, day: date, now: datetime, week: WorkingWeek) -> time:
    if said.clock is not None:
        hour, minute = divmod(said.clock, 60)
        return time(_hour(said, hour), minute)
    if said.part is not None and not said.day_end:
        return PARTS[said.part][0]
    over = day == now.date() and now.time() >= week.ends
    return LAST_MINUTE if over else week.ends


def _hour(said: Said, hour: int) -> int:
    if said.half_day is not None:
        return hour % 12 + 12 * said.half_day if hour <= 12 else hour
    below = AFTERNOON_UNTIL if said.part is None else PARTS[said.part][1]
    return hour + 12 if 0 < hour < below else hour


def _day(said: Said, today: date, week: WorkingWeek, *, month_first: bool) -> date | None:
    found = _named_day(said, today, week, month_first=month_first)
    if found is None or not said.before or said.is_length:
        return found
    if said.clock is not None or said.part is not None or said.day_end or said.edge is not None:
        return found
    if said.weeks is not None and said.weekday is None and not said.weekend:
        found -= timedelta(days=found.weekday())
    before = week.before(found)
    return before if before >= today else found - timedelta(days=1)


def _named_day(said: Said, today: date, week: WorkingWeek, *, month_first: bool) -> date | None:
    if said.date:
        return _dated(said, today, month_first=month_first)
    if said.workdays is not None:
        return week.after(today, said.workdays)
    if said.weekday is not None:
        return _weekday(said.weekday, said.weeks, today)
    if said.weeks is not None:
        return _in_week(said, today, week)
    if said.months is not None:
        return _in_month(said, today)
    return today + timedelta(days=said.days or 0)


def _weekday(weekday: int, weeks: int | None, today: date) -> date:
    if weeks is None:
        return today + timedelta(days=(weekday - today.weekday()) % 7 or 7)
    return today + timedelta(days=weekday - today.weekday() + 7 * weeks)


def _in_week(said: Said, today: date, week: WorkingWeek) -> date:
    monday = today + timedelta(days=7 * (said.weeks or 0) - today.weekday())
    edge = words.END if said.edge is None else said.edge
    on = 6 if said.weekend else IN_WEEK.get(edge, week.last)
    found = monday + timedelta(days=on)
    return found if found >= today else monday + timedelta(days=6)


def _in_month(said: Said, today: date) -> date:
    months = today.year * 12 + today.month - 1 + (said.months or 0)
    year, month = months // 12, months % 12 + 1
    last = monthrange(year, month)[1]
    if said.is_length:
        return date(year, month, min(today.day, last))
    return date(year, month, IN_MONTH.get(words.END if said.edge is None else said.edge, last))


def _dated(said: Said, today: date, *, month_first: bool) -> date | None:
    year, month, day = said.date or (0, 0, 0)
    if said.slashed and (month > 12 or (month_first and day <= 12)):
        month, day = day, month
    if not month:
        return _on_day(day, today)
    if not day:
        last = monthrange(year or today.year, month)[1]
        day = IN_MONTH.get(words.END if said.edge is None else said.edge, last)
        day = 1 if said.before and said.edge is None else day
    found = date(year or today.year, month, day)
    if found < today and not year:
        found = date(today.year + 1, month, day)
    return found if found - today < FAR or year else None


def _on_day(day: int, today: date) -> date:
    """The next month that has this day."""
    for ahead in range(13):
        months = today.year * 12 + today.month - 1 + ahead
        year, month = months // 12, months % 12 + 1
        if day <= monthrange(year, month)[1] and date(year, month, day) >= today:
            return date(year, month, day)
    raise ValueError(day)
