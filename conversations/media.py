"""What the domain has to know of channels. The room that has them tells it at its start, and is
asked anew each time: what a channel can do is never kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
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


@dataclass(frozen=True)
class Terms:
    """What sending by an inbox comes to: what one text costs, `price` in `currency` (None: nobody
    said), and in how many `minutes` what is sent now has its turn (0: at once). `at_least`: more
    waits than anybody counts."""

    price: Decimal | None = None
    currency: str = ""
    minutes: int = 0
    at_least: bool = False


Of = Callable[[str], Medium]
Troubles = Callable[[Iterable[int]], Mapping[int, Trouble]]
TermsOf = Callable[[Iterable[int]], Mapping[int, Terms]]


@dataclass
class _Source:
    of: Of
    troubles: Troubles
    terms: TermsOf


_source: Final = _Source(lambda kind: Medium(kind, kind), lambda inboxes: {}, lambda inboxes: {})


def know(*, of: Of, troubles: Troubles, terms: TermsOf) -> None:
    """Tell where to ask: for the medium of a kind of inbox, for what is wrong with inboxes, and for
    what sending by them comes to."""
    _source.of, _source.troubles, _source.terms = of, troubles, terms


def of(kind: str) -> Medium:
    """The medium of a kind of inbox; of a kind nobody knows, one of its own name."""
    return _source.of(kind)


def troubles(inboxes: Iterable[int]) -> Mapping[int, Trouble]:
    """By row id of an inbox. One query."""
    return _source.troubles(inboxes)


def terms(inboxes: Iterable[int]) -> Mapping[int, Terms]:
    """By row id of an inbox; those there is nothing to say of are left out."""
    return _source.terms(inboxes)
