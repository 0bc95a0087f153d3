"""What a search asked, said in words: for the lists of files and of who took them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import formats
from django.utils.translation import gettext as _

from conversations.models import Agent, Status, Team
from conversations.templatetags.desk import channel_name
from conversations.transcripts import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from conversations.models import TranscriptExport


def in_words(exports: Sequence[TranscriptExport]) -> Sequence[TranscriptExport]:
    """The same rows, those of searches with `asked_words`."""
    searches = [(one, Asked.of(one.query)) for one in exports if one.query]
    teams = Team.objects.in_bulk({asked.team for _one, asked in searches if asked.team})
    agents = Agent.objects.in_bulk({asked.agent for _one, asked in searches if asked.agent})
    for one, asked in searches:
        one.asked_words = " · ".join(_words(asked, teams, agents))  # type: ignore[attr-defined]
    return exports


def _words(asked: Asked, teams: dict[int, Team], agents: dict[int, Agent]) -> Iterator[str]:
    if asked.text:
        yield f"“{asked.text}”"
    if asked.customer:
        yield asked.customer
    if asked.team:
        yield str(teams.get(asked.team, "?"))
    if asked.agent:
        yield str(agents.get(asked.agent, "?"))
    if asked.channel:
        yield channel_name(asked.channel)
    if asked.status:
        yield str(Status(asked.status).label)
    if asked.since:
        yield _("from %(day)s") % {"day": _day(asked.since)}
    if asked.until:
        yield _("until %(day)s") % {"day": _day(asked.until)}


def _day(day: date) -> str:
    return formats.date_format(day, "SHORT_DATE_FORMAT")
