"""How a customer sounds, by words, capitals, exclamation marks and by how often they asked."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conversations.gist.readings import Reading

LOUD: Final = re.compile(r"\b[^\W\d_a-z]{2,}\b")
WORDS: Final = re.compile(r"\b[^\W\d_]{2,}\b")
LOUD_AT_LEAST: Final = 3


class Mood(StrEnum):
    ANGRY = "angry"
    HURRIED = "hurried"
    REPEATED = "repeated"
    THANKFUL = "thankful"
    CALM = "calm"


def moods_of(messages: Sequence[Sequence[Reading]], asked: int) -> list[Mood]:
    """The moods of a customer's newest messages, oldest first; `asked` is how often they asked the
    same thing."""
    found = [
        mood
        for mood, holds in (
            (Mood.ANGRY, any(_angry(reading) for some in messages for reading in some)),
            (Mood.HURRIED, any(reading.has("urgent") for some in messages for reading in some)),
            (Mood.REPEATED, asked > 1),
        )
        if holds
    ]
    thanks = any(reading.has("thanks") for some in messages for reading in some)
    if thanks and Mood.ANGRY not in found:
        found.append(Mood.THANKFUL)
    return found or [Mood.CALM]


def _angry(reading: Reading) -> bool:
    if reading.has("angry"):
        return True
    if "!!" in reading.text and not reading.has("thanks"):
        return True
    loud = [word for word in LOUD.findall(reading.text) if word.isupper()]
    return len(loud) >= LOUD_AT_LEAST and 2 * len(loud) > len(WORDS.findall(reading.text))


def mood_text(moods: Iterable[Mood], asked: int) -> str:
    """The moods in the reader's language, most telling first."""
    words = {
        Mood.ANGRY: _("Angry"),
        Mood.HURRIED: _("In a hurry"),
        Mood.REPEATED: ngettext("Asked %(count)s time", "Asked %(count)s times", asked)
        % {"count": asked},
        Mood.THANKFUL: _("Friendly"),
        Mood.CALM: _("Calm"),
    }
    return ", ".join(words[mood] for mood in moods)
