"""Moments as whoever reads a page would say them: in their zone and language, seen from now.

A page says hundreds of them. Which zone and language are the reader's is asked for once for a page,
as each asking costs more than all the rest; what a moment is called is remembered.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from django.utils import formats, timezone
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

REMEMBERED = 8192
MINUTE, HOUR, DAY = 60, 3600, 86400


class Said(NamedTuple):
    """What a moment is called by itself: "14:05", date and time in full, the day for machines, and
    the moment with its offset to the second."""

    clock: str
    full: str
    day: date
    iso: str


class Reader(NamedTuple):
    """Who reads: their zone, their language, and when it is for them."""

    zone: tzinfo
    language: str
    now: datetime

    @classmethod
    def here(cls) -> Reader:
        """Of the request that is being answered."""
        zone = timezone.get_current_timezone()
        return cls(zone, get_language() or "", timezone.localtime(timezone=zone))

    def said(self, moment: datetime) -> Said:
        return _said(moment, self.zone, self.language)

    def day_line(self, day: date) -> str:
        """The day over a stretch of messages."""
        return _day_line(day, self.now.date(), self.language)

    def soon(self, moment: datetime) -> str:
        """A moment near now: the time if today, the weekday if within a week, else the date."""
        local = moment.astimezone(self.zone)
        if local.date() == self.now.date():
            return f"{local:%H:%M}"
        if abs(local - self.now) < timedelta(days=6):
            return f"{_formed(local.date(), 'D', self.language)} {local:%H:%M}"
        form = "SHORT_DATE_FORMAT" if local.year != self.now.year else "MONTH_DAY_FORMAT"
        return _formed(local.date(), form, self.language)

    def short_ago(self, moment: datetime) -> str:
        """How long ago, in one unit."""
        seconds = (self.now - moment).total_seconds()
        return _("now") if seconds < MINUTE else self.span(seconds)

    def span(self, seconds: float) -> str:
        """A length of time in one unit: 4m, 2h, 3d."""
        return _span(*_unit(abs(seconds)), self.language)


def _unit(seconds: float) -> tuple[str, int]:
    if seconds < HOUR:
        return "minutes", max(1, int(seconds // MINUTE))
    if seconds < 2 * DAY:
        return "hours", int(seconds // HOUR)
    return "days", int(seconds // DAY)


# The language is there to be told apart: what these ask for is in the one that is active.


@lru_cache(maxsize=REMEMBERED)
def _said(moment: datetime, zone: tzinfo, language: str) -> Said:
    local = moment.astimezone(zone)
    # Without the zone: with it, the same moment elsewhere on the earth would count as the same key.
    full = _full(local.replace(second=0, microsecond=0, tzinfo=None), language)
    return Said(f"{local:%H:%M}", full, local.date(), local.isoformat(timespec="seconds"))


@lru_cache(maxsize=REMEMBERED)
def _full(local: datetime, _language: str) -> str:
    return formats.date_format(local, "DATETIME_FORMAT")


@lru_cache(maxsize=REMEMBERED)
def _formed(day: date, form: str, _language: str) -> str:
    return formats.date_format(day, form)


@lru_cache(maxsize=REMEMBERED)
def _day_line(day: date, today: date, language: str) -> str:
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    form = "DATE_FORMAT" if day.year != today.year else "MONTH_DAY_FORMAT"
    return f"{_formed(day, 'D', language)} {_formed(day, form, language)}"


@lru_cache(maxsize=1024)
def _span(unit: str, number: int, _language: str) -> str:
    if unit == "minutes":
        return pgettext("minutes", "%dm") % number
    if unit == "hours":
        return pgettext("hours", "%dh") % number
    return pgettext("days", "%dd") % number
