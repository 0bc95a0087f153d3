"""Sentences made short by leaving out whole clauses, and only then whole words."""

from __future__ import annotations

import re
from typing import Final

CLAUSE: Final = re.compile(r"[,;:–—](?=\s)")
MORE: Final = "…"


def count_words(text: str) -> int:
    return len(text.split())


def shortened(sentence: str, at_most: int, *, point: int = 0, from_point: bool = False) -> str:
    """The sentence in at most so many words, around the clause that holds the sign number `point`;
    `from_point` leaves out what stands before that clause. Never a part of a word."""
    ends = [found.end() for found in CLAUSE.finditer(sentence)]
    begins, ends = [0, *ends], [*ends, len(sentence)]
    first = last = sum(end <= point for end in ends[:-1])
    while last + 1 < len(ends) and _fits(sentence[begins[first] : ends[last + 1]], at_most):
        last += 1
    while first and not from_point and _fits(sentence[begins[first - 1] : ends[last]], at_most):
        first -= 1
    kept = sentence[begins[first] : ends[last]].strip()
    if last + 1 < len(ends) and count_words(kept) < at_most // 2:
        kept = sentence[begins[first] :].strip()
    if _fits(kept, at_most):
        return kept.rstrip(",;:–— ")
    return _cut(kept, at_most, point - begins[first])


def _fits(text: str, at_most: int) -> bool:
    return count_words(text) <= at_most


def _cut(clause: str, at_most: int, point: int) -> str:
    """Words from the beginning, or from the point where that lies too far behind."""
    before = count_words(clause[: max(point, 0)])
    some = clause.split()
    start = 0 if before < at_most // 2 else before
    kept = some[start : start + at_most]
    text = " ".join(kept)
    lead = MORE if start else ""
    return lead + (text.rstrip(",;:") + MORE if start + at_most < len(some) else text)
