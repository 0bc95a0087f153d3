"""Words and phrases that mean something to us, found in one pass over a text.

Every position of a text is looked at once, and a phrase has few words, so the work grows with the
text and never faster, whatever somebody writes.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Alternatives that exclude each other by their first character, each a run of one class: nothing
# to go back to.
PIECE: Final = re.compile(r"['’](?:ll|re|ve|[sdmt])(?!\w)|[^\W\d_]+|\d+|\n|[^\w\s]")


# Words that give away Vietnamese typed without its signs.
UNSIGNED: Final = frozenset(
    """
    se anh chi nhe nha gui ngay truoc duoc ben khach ban minh giao toi cho lai hang tuan shop kiem
    tra khong roi oi dum giup cua bi dang nuoc ngoai gap cai vay tien hom trong qua nhan mua don
    """.split()  # noqa: SIM905
)


class Token(NamedTuple):
    """A word in lower case, a number, a sign or a line's end, and where it stands."""

    word: str
    start: int
    end: int


class Mark(NamedTuple):
    """A phrase that was found: `first` and `after` count tokens."""

    kind: str
    value: int
    first: int
    after: int


class Node:
    __slots__ = ("meaning", "then")

    def __init__(self) -> None:
        self.then: dict[str, Node] = {}
        self.meaning: tuple[str, int] | None = None


Table: TypeAlias = "Mapping[str, Mapping[int, str]]"


def tokens(text: str) -> list[Token]:
    return [
        Token(found.group().lower().replace("’", "'"), found.start(), found.end())
        for found in PIECE.finditer(text)
    ]


def folded(text: str) -> str:
    """Without the signs above and below letters, as Vietnamese is often typed."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def lacks_signs(text: str) -> bool:
    """Whether this is Vietnamese typed without the signs of its letters."""
    start = text[:2000]
    if folded(start) != start:
        return False
    return len(UNSIGNED.intersection(start.lower().split())) >= 2


class Lexicon:
    """Phrases by kind and value, as `{kind: {value: "phrase | phrase"}}`. What was said first
    about a phrase stays; of two phrases at one place the longer one counts."""

    def __init__(self, *tables: Table, fold: bool = False) -> None:
        self.top = Node()
        for table in tables:
            for kind, values in table.items():
                for value, phrases in values.items():
                    for phrase in phrases.split("|"):
                        self._add(folded(phrase) if fold else phrase, (kind, value))

    def _add(self, phrase: str, meaning: tuple[str, int]) -> None:
        node = self.top
        for token in tokens(" ".join(phrase.split())):
            node = node.then.setdefault(token.word, Node())
        node.meaning = node.meaning or meaning

    def words(self, *kinds: str) -> frozenset[str]:
        """The last words of all phrases of these kinds: without one of them there is none."""
        found: set[str] = set()
        waiting = [self.top]
        while waiting:
            for word, node in waiting.pop().then.items():
                waiting.append(node)
                if node.meaning and node.meaning[0] in kinds:
                    found.add(word.lstrip("'"))
        return frozenset(found)

    def marks(self, some: Sequence[Token]) -> list[Mark]:
        words = [token.word for token in some]
        words.append("")
        found: list[Mark] = []
        known = self.top.then
        at, count = 0, len(some)
        while at < count:
            word = words[at]
            if word in known:
                mark = self._longest(words, at)
            elif word.isdecimal() and len(word) <= 4:
                mark = Mark("number", int(word), at, at + 1)
            else:
                mark = None
            if mark:
                found.append(mark)
                at = mark.after
            else:
                at += 1
        return found

    def _longest(self, some: Sequence[str], at: int) -> Mark | None:
        node = self.top.then.get(some[at])
        best, after = None, at
        while node:
            after += 1
            if node.meaning:
                kind, value = node.meaning
                best = Mark(kind, value, at, after)
            node = node.then.get(some[after])
        return best


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def spelled(verbs: Iterable[str]) -> str:
    """English verbs in the forms that end regularly."""
    forms: list[str] = []
    for verb in sorted(verbs):
        stem = verb.removesuffix("e")
        forms += [verb, f"{verb}s", f"{stem}ed", f"{stem}ing"]
    return "|".join(forms)
