"""Marks that stand side by side, and how far they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conversations.gist.said import Said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.gist.lexicon import Mark

NOTHING: Final = ""


class Marks:
    """`begun` is the mark at which the time being read begins, `at` the one that is read next, and
    `intro` what the next part is introduced by. `closed` says that no word follows the last one.

    Each step of those who read on reads one part, or leaves everything as it was and says no.
    """

    def __init__(self, marks: Sequence[Mark], *, closed: bool) -> None:
        self.marks = marks
        self.closed = closed
        self.begun = self.at = 0
        self.said = Said()
        self.intro = NOTHING

    def kind(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.marks[at].kind if at < len(self.marks) else NOTHING

    def value(self, ahead: int = 0) -> int:
        return self.marks[self.at + ahead].value

    def _is_range(self) -> bool:
        return self.at > self.begun and self.marks[self.at - 1].kind == "or"
