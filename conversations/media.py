"""What the domain has to know of channels. The room that has them tells it at its start, and is
asked anew each time: what a channel can do is never kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

TEXT: Final = "text"
TEMPLATE: Final = "template"


@dataclass(frozen=True)
class Medium:
    """What an agent calls a channel, whoever provides it, and what can be done there.

    `address` is the kind of its addresses. A message has at most `most_text` letters (0: as many as
    any reply); `window` is how long after the customer wrote it may be written freely (None: at any
    time), and templates go out at all times. It writes to somebody `first` by text, by a template,
    or ('') not at all. `quotes`: an answer can name the message it is to.
    `deduplicates`: the same message handed over twice is taken once.
    """

    name: str
    address: str
    most_text: int = 0
    window: timedelta | None = None
    first: str = ""
    quotes: bool = False
    has_templates: bool = False
    deduplicates: bool = False


@dataclass(frozen=True)
class Trouble:
    """Why nothing goes out by an inbox for now, in words; it is sent once that is over."""

    words: str


Of = Callable[[str], Medium]
Troubles = Callable[[Iterable[int]], Mapping[int, Trouble]]


@dataclass
class _Source:
    of: Of
    troubles: Troubles


_source: Final = _Source(lambda kind: Medium(kind, kind), lambda inboxes: {})


def know(*, of: Of, troubles: Troubles) -> None:
    """Tell where to ask: for the medium of a kind of inbox, and for what is wrong with inboxes."""
    _source.of, _source.troubles = of, troubles


def of(kind: str) -> Medium:
    """The medium of a kind of inbox; of a kind nobody knows, one of its own name."""
    return _source.of(kind)


def troubles(inboxes: Iterable[int]) -> Mapping[int, Trouble]:
    """By row id of an inbox. One query."""
    return _source.troubles(inboxes)
