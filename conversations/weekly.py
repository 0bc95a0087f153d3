"""Times of day that come back every week, as moments. Pure: clocks of walls in, moments out.

Shifts are kept by the clocks on the wall, so a night in which these are set is an hour shorter or
longer. A time that is there twice means the first one; one that is skipped means the moment at
which the clocks are set. So a later time of day is never an earlier moment, and where one shift
ends the next begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)
NARROW: Final = timedelta(seconds=1)


class Hours(NamedTuple):
    """From `begins` to `ends`, which is on the next day where it isn't later than `begins`; on
    these days of the week (Monday is 0)."""

    weekdays: Collection[int]
    begins: time
    ends: time


class Span(NamedTuple):
    """From one moment up to, and without, another."""

    begins_at: datetime
    ends_at: datetime


def moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When clocks of a zone show this time on this day, in UTC; the first time, where they do so
    twice."""
    told = datetime.combine(day, clock.replace(fold=0), tzinfo=zone)
    first = told.astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == told.replace(tzinfo=None):
        return first
    return _set_between(told.replace(fold=1).astimezone(UTC), first, zone)


def spans(hours: Hours, zone: ZoneInfo, *, after: datetime) -> Iterator[Span]:
    """Each time these hours come, as long as one asks on; the first is the one that ends first
    after this moment (aware)."""
    if not hours.weekdays:
        return
    # None lasts longer than a day; one more for the zone.
    day = after.astimezone(zone).date() - 2 * DAY
    over = DAY if hours.ends <= hours.begins else timedelta(0)
    while True:
        if day.weekday() in hours.weekdays:
            found = Span(moment(day, hours.begins, zone), moment(day + over, hours.ends, zone))
            if found.begins_at < found.ends_at and found.ends_at > after:
                yield found
        day += DAY


def _set_between(before: datetime, later: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clocks are set, which lies between these two."""
    offset = before.astimezone(zone).utcoffset()
    while later - before > NARROW:
        middle = before + (later - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            later = middle
    return later.replace(microsecond=0)
