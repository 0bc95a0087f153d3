"""How long it took from one message to the next, in words and drawn to scale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from conversations.models import Entry

SHORTEST = timedelta(minutes=30)
SCALE = (timedelta(hours=2), timedelta(hours=8), timedelta(days=1), timedelta(days=3))
"""Where a wait is drawn one step longer."""


@dataclass(frozen=True)
class Wait:
    """`scale` is 1 to 5."""

    words: str
    scale: int


def wait_between(before: Entry | None, entry: Entry) -> Wait | None:
    """None for what isn't worth a line, and for notes and events, which nobody waited for."""
    if before is None or entry.is_note or entry.is_event:
        return None
    length = entry.at - before.at
    if length < SHORTEST:
        return None
    words = _sentence(before, entry) % {"time": in_words(length)}
    return Wait(words, 1 + sum(length >= step for step in SCALE))


def in_words(length: timedelta) -> str:
    """In the two greatest units that follow each other: "3 hours, 58 minutes".

    Django's own words for it are not in all languages we speak.
    """
    minutes = int(length.total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [
        ngettext("%(count)d day", "%(count)d days", days) % {"count": days} if days else "",
        ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours} if hours else "",
        ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
        if minutes and not days
        else "",
    ]
    return ", ".join(filter(None, parts))


def _sentence(before: Entry, entry: Entry) -> str:
    if before.is_inbound and entry.is_outbound:
        return _("Answered after %(time)s")
    if before.is_outbound and entry.is_inbound:
        return _("The customer wrote after %(time)s")
    return _("%(time)s later")
