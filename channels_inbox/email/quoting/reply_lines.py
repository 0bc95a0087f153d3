"""The lines of a mail, with what the HTML said about each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Mark(Enum):
    """What the HTML around a line says about it."""

    NONE = auto()
    QUOTE = auto()
    MAYBE_QUOTE = auto()
    """A plain `<blockquote>`: a quoted mail only where a line above or in it says so."""
    ATTRIBUTION = auto()
    HISTORY = auto()
    """Everything from here on is an older mail."""
    SIGNATURE = auto()


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    mark: Mark = Mark.NONE
