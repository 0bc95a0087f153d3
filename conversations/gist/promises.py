"""Promises that a text of ours seems to make: something we will do, and by when.

A sentence falls into clauses. One of them must commit us, and a time must stand in it or beside it:
not in a condition, not in what somebody else shall do, not in a question or a quotation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from conversations.gist import promise_words, time_words
from conversations.gist.clauses import Clause, Verdict, When, clauses_of
from conversations.gist.due import WorkingWeek, due
from conversations.gist.lexicon import Lexicon, Mark, lacks_signs, tokens
from conversations.gist.said import Said, joined
from conversations.gist.texts import (
    asks,
    asks_unsigned,
    outside_quotes,
    own_text,
    sentences,
)
from conversations.gist.times import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from conversations.gist.lexicon import Token

AT_MOST: Final = 8
# Of a text in which every sentence might promise something, so many are looked at closely.
LOOKED_AT: Final = 24
# And of a sentence without an end so many words, numbers and signs.
SENTENCE_AT_MOST: Final = 250
MONDAY_TO_FRIDAY: Final = WorkingWeek()
WORDS: Final = re.compile(r"[^\W\d_]+")
NUMBER: Final = re.compile(r"\d")
COMMITTING: Final = ("will", "vow", "let", "give", "can", "should", "expect", "doing", "do")
TELLING: Final = (
    *("day", "tonight", "now", "weekday", "month", "part", "day_end", "unit", "next_unit"),
    *("h", "oclock", "half_day", "half_past"),
)


@dataclass(frozen=True, slots=True)
class SuggestedPromise:
    """`sentence` is the one that promises, `due` the moment in the writer's time zone, `sure` how
    sure both are, from 0 to 1."""

    sentence: str
    due: datetime
    sure: float


class Words:
    """The phrases of one way to type. No sentence promises anything without one word each out of
    `commit` and `tell`, or a number instead of the latter."""

    def __init__(self, cues: Lexicon, times: Lexicon) -> None:
        self.cues, self.times = cues, times
        self.commit = cues.words(*COMMITTING)
        self.tell = times.words(*TELLING)

    def may_promise(self, sentence: str) -> bool:
        have = WORDS.findall(sentence.lower())
        if self.commit.isdisjoint(have):
            return False
        return not self.tell.isdisjoint(have) or NUMBER.search(sentence) is not None


def suggest_promises(
    text: str,
    *,
    written_at: datetime,
    zone: ZoneInfo,
    week: WorkingWeek = MONDAY_TO_FRIDAY,
) -> list[SuggestedPromise]:
    """What a message or note of ours promises, in its order, at most eight; `written_at` is
    aware."""
    own = own_text(text)
    words = _unsigned() if lacks_signs(own) else _words()
    found: dict[tuple[str, datetime], SuggestedPromise] = {}
    for sentence in islice(filter(words.may_promise, sentences(own)), LOOKED_AT):
        for said, sure in _promised(sentence, words):
            moment = due(said, written_at=written_at, zone=zone, week=week)
            if moment:
                one = SuggestedPromise(sentence, moment[0], round(sure * moment[1], 2))
                found.setdefault((sentence, one.due), one)
    return list(found.values())[:AT_MOST]


@cache
def _words() -> Words:
    return Words(
        Lexicon(promise_words.VIETNAMESE, promise_words.ENGLISH),
        Lexicon(time_words.VIETNAMESE, time_words.ENGLISH),
    )


@cache
def _unsigned() -> Words:
    return Words(
        Lexicon(promise_words.VIETNAMESE, promise_words.ENGLISH, fold=True),
        Lexicon(time_words.UNSIGNED, time_words.VIETNAMESE, time_words.ENGLISH, fold=True),
    )


def _promised(sentence: str, words: Words) -> Iterator[tuple[Said, float]]:
    if asks(sentence):
        return
    some = outside_quotes(tokens(sentence)[:SENTENCE_AT_MOST])
    cues = words.cues.marks(some)
    if not cues or asks_unsigned(some):
        return
    clauses = clauses_of(cues, some)
    if all(clause.verdict is not Verdict.COMMITS for clause in clauses):
        return
    _tell_times(clauses, some, words.times, sentence)
    unsure = any(clause.has("if", "when") for clause in clauses)
    for clause in _with_neighbours(clauses):
        said = _said(clause, unsure=unsure)
        if said:
            yield said, clause.sure * (0.7 if unsure else 1)


def _tell_times(
    clauses: Sequence[Clause], some: Sequence[Token], times: Lexicon, sentence: str
) -> None:
    """Put every time that the sentence names into its clause."""
    at = 0
    for when in _times(some, times, sentence):
        while when.first >= clauses[at].after:
            at += 1
        clauses[at].times.append(when)
    for clause in clauses:
        if clause.verdict is Verdict.GOES_ON and clause.times:
            told = sum(when.after - when.first for when in clause.times)
            words = sum(some[here].word[0].isalnum() for here in range(clause.first, clause.after))
            if words - told <= 1:
                clause.verdict = Verdict.ONLY_TIME


def _times(some: Sequence[Token], times: Lexicon, sentence: str) -> Iterator[When]:
    marks = [mark for mark in times.marks(some) if not _is_name(mark, some, sentence)]
    begin = 0
    for at, mark in enumerate(marks):
        last = at + 1 == len(marks)
        if last or marks[at + 1].first != mark.after:
            following = some[mark.after].word if mark.after < len(some) else "."
            reader = Reader(marks[begin : at + 1], closed=not following[0].isalnum())
            for said, first, end in reader.read():
                yield When(said, first.first, end.after)
            begin = at + 1


def _is_name(mark: Mark, some: Sequence[Token], sentence: str) -> bool:
    """Mai is a name as well as tomorrow."""
    token = some[mark.first]
    if token.word != "mai" or not mark.first:
        return False
    return sentence[token.start].isupper() or some[mark.first - 1].word in promise_words.TITLES


def _with_neighbours(clauses: Sequence[Clause]) -> Iterator[Clause]:
    """The clauses that commit us, each with the times of those that belong to it."""
    for at, clause in enumerate(clauses):
        if clause.verdict is not Verdict.COMMITS:
            continue
        if at and clauses[at - 1].verdict is Verdict.ONLY_TIME:
            before = at < 2 or clauses[at - 2].verdict is not Verdict.COMMITS
            clause.times[:0] = clauses[at - 1].times if before else []
        for following in clauses[at + 1 :]:
            if following.verdict not in {Verdict.GOES_ON, Verdict.ONLY_TIME}:
                break
            clause.times += following.times
        yield clause


def _said(clause: Clause, *, unsure: bool) -> Said | None:
    """The time of a commitment: the last one it names, with a day from before if it lacks one."""
    result: Said | None = None
    gives = clause.has("give")
    for when in clause.times:
        said = when.said
        if said.past or (said.is_length and unsure) or (said.bare_length and not gives):
            continue
        if said.until and not gives:
            continue
        result = (joined(result, said) if result else None) or said
    return result
