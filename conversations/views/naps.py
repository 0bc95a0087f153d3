"""Times an agent is likely to choose: for a matter to come back, or an answer to go out."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from conversations.moments import Reader


class Nap(NamedTuple):
    """A time that can be chosen by one click: its words, and it as the form sends it and as one
    reads it."""

    label: str
    until: str
    words: str


def naps(reader: Reader) -> tuple[Nap, ...]:
    """Those of an ordinary day, at the agent's clock."""
    now = reader.now
    tomorrow = _at(now + timedelta(days=1), 9)
    monday = _at(now + timedelta(days=(7 - now.weekday()) % 7 or 7), 9)
    found = [(_("In an hour"), now + timedelta(hours=1))]
    if now.hour < 16:
        found.append((_("This evening"), _at(now, 18)))
    found.append((_("Tomorrow morning"), tomorrow))
    if monday != tomorrow:
        found.append((_("Monday morning"), monday))
    found.append((_("In a week"), _at(now + timedelta(days=7), 9)))
    return tuple(Nap(label, f"{at:%Y-%m-%dT%H:%M}", reader.soon(at)) for label, at in found)


def _at(day: datetime, hour: int) -> datetime:
    naive = datetime.combine(day.date(), time(hour))
    return timezone.make_aware(naive, timezone.get_current_timezone())
