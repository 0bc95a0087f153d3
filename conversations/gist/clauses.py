"""Clauses of a sentence, and whether one commits us."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from conversations.gist import promise_words
from conversations.gist.lexicon import Mark
from conversations.gist.said import Said
from conversations.gist.texts import last_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.gist.lexicon import Token

SUBJECTS: Final = frozenset({"us", "you", "they", "it"})
CONDITIONS: Final = frozenset({"if", "when"})
SPLITTING: Final = CONDITIONS | {"and", "then"}
# What somebody says before a subject of their own makes what follows another clause.
HEAVY: Final = CONDITIONS | {"ask", "will", "give"}


class Verdict(Enum):
    COMMITS = auto()
    SOMETHING_ELSE = auto()
    GOES_ON = auto()
    ONLY_TIME = auto()


class When(NamedTuple):
    said: Said
    first: int
    after: int


@dataclass(slots=True)
class Clause:
    first: int
    after: int
    cues: list[Mark]
    times: list[When]
    verdict: Verdict = Verdict.GOES_ON
    sure: float = 0.0

    def has(self, *kinds: str) -> bool:
        return any(cue.kind in kinds for cue in self.cues)


def clauses_of(cues: Sequence[Mark], some: Sequence[Token]) -> list[Clause]:
    begins = _beginnings(cues)
    ends = [*begins[1:], len(some)]
    clauses: list[Clause] = []
    at = 0
    for first, after in zip(begins, ends, strict=True):
        inside: list[Mark] = []
        while at < len(cues) and cues[at].first < after:
            inside.append(cues[at])
            at += 1
        clause = Clause(first, after, inside, [])
        clause.verdict, clause.sure = _judge(clause, some)
        clauses.append(clause)
    return clauses


def _beginnings(cues: Sequence[Mark]) -> list[int]:
    """The tokens at which clauses begin."""
    begins, heavy = [0], False
    for at, cue in enumerate(cues):
        following = cues[at + 1] if at + 1 < len(cues) else None
        if cue.kind == "comma":
            begin = cue.after
        elif cue.kind in SPLITTING or (heavy and _starts_clause(cue, following)):
            begin = cue.first
        else:
            heavy = heavy or cue.kind in HEAVY
            continue
        heavy = cue.kind in HEAVY
        if begin > begins[-1]:
            begins.append(begin)
    return begins


def _starts_clause(cue: Mark, following: Mark | None) -> bool:
    return bool(
        cue.kind in SUBJECTS
        and following
        and following.kind == "will"
        and following.first == cue.after
    )


def _judge(clause: Clause, some: Sequence[Token]) -> tuple[Verdict, float]:
    """Whether a clause commits us, and how surely (0-1)."""
    no = (Verdict.SOMETHING_ELSE, 0.0)
    if clause.has("closed", "not"):
        return no
    for cue in clause.cues:
        if cue.kind == "give":
            return Verdict.COMMITS, cue.value / 100
    if clause.has("if", "when", "ask", "maybe"):
        return no
    sure = max((way(clause, some) for way in WAYS), default=0)
    if sure:
        return Verdict.COMMITS, sure / 100
    if clause.has("will", "can", "should", "done") or _has_own_subject(clause, some):
        return no
    return Verdict.GOES_ON, 0.0


def _has_own_subject(clause: Clause, some: Sequence[Token]) -> bool:
    begin = clause.first
    cues = [cue for cue in clause.cues if cue.kind not in {"comma"}]
    if cues and cues[0].kind in {"and", "then"}:
        begin, cues = cues[0].after, cues[1:]
    if cues and cues[0].kind in SUBJECTS and cues[0].first == begin:
        return True
    others = [cue for cue in cues if cue.kind in {"you", "they"} and not _towards(cue, some)]
    return any(_next_is(clause, cue, "do") for cue in others)


def _subject(clause: Clause, before: Mark, some: Sequence[Token]) -> str:
    """Who does it: the last one named before it who isn't the one it is done to."""
    for cue in reversed(clause.cues):
        if cue.first >= before.first or cue.kind not in SUBJECTS:
            continue
        if cue.first and some[cue.first - 1].word in promise_words.TOWARDS:
            continue
        return cue.kind
    return ""


def _after(clause: Clause, mark: Mark, *kinds: str) -> bool:
    return any(cue.kind in kinds and cue.first >= mark.after for cue in clause.cues)


def _by_will(clause: Clause, some: Sequence[Token]) -> int:
    for cue in clause.cues:
        if cue.kind != "will":
            continue
        subject = _subject(clause, cue, some)
        acts = _after(clause, cue, "act", "do", "get")
        if subject == "us":
            return cue.value
        if subject == "you":
            gets = _next_is(clause, cue, "get")
            return 85 if gets else 0
        if subject == "they":
            return 60 if acts and _after(clause, cue, "you") else 0
        if not subject and _next_is(clause, cue, *SUBJECTS):
            return 0
        begins = cue.first == clause.first or _next_is(clause, clause.cues[0], "will")
        return 75 if acts or (not subject and begins) else 0
    return 0


def _next_is(clause: Clause, mark: Mark, *kinds: str) -> bool:
    return any(cue.kind in kinds and cue.first == mark.after for cue in clause.cues)


def _by_word(clause: Clause, some: Sequence[Token]) -> int:
    """ "I promise to", "let me", "we are sending", "em xin hẹn"."""
    for cue in clause.cues:
        if cue.kind == "let":
            return cue.value
        if cue.kind in {"vow", "doing"}:
            subject = _subject(clause, cue, some)
            if subject == "us" or (not subject and cue.kind == "vow"):
                return 0 if clause.has("done") else cue.value
    return 0


def _by_offer(clause: Clause, some: Sequence[Token]) -> int:
    """ "I can have it by", "you should get it by", "expect it by"."""
    for cue in clause.cues:
        if cue.kind not in {"can", "should", "expect"}:
            continue
        subject = _subject(clause, cue, some)
        if cue.kind == "can" and subject == "us" and _after(clause, cue, "act"):
            return cue.value
        if cue.kind == "should" and subject in {"you", "it", ""}:
            return cue.value if _after(clause, cue, "get", "act") else 0
        if cue.kind == "expect" and subject in {"you", ""}:
            return cue.value
    return 0


def _by_deed(clause: Clause, some: Sequence[Token]) -> int:
    """ "Mai em gửi": Vietnamese needs no word for the future."""
    if clause.has("done"):
        return 0
    us: Mark | None = None
    for cue in clause.cues:
        if cue.kind in {"you", "they"} and not _towards(cue, some):
            us = None
        if cue.kind == "us" and cue.value == promise_words.NO_TENSE and not _towards(cue, some):
            us = cue
        elif cue.kind == "do" and us and cue.first - us.after <= 2:
            return 0 if _is_over(cue, some) else cue.value
    return 60 if _for_you(clause, some) else 0


def _for_you(clause: Clause, some: Sequence[Token]) -> bool:
    """ "Thứ sáu có hàng cho anh": nobody is named, but it is done for the customer."""
    deeds = [cue for cue in clause.cues if cue.kind == "do"]
    if not deeds or any(cue.kind in SUBJECTS and not _towards(cue, some) for cue in clause.cues):
        return False
    yours = [cue for cue in clause.cues if cue.kind == "you" and cue.first > deeds[0].first]
    return any(some[cue.first - 1].word == "cho" for cue in yours) and not _is_over(deeds[0], some)


def _towards(cue: Mark, some: Sequence[Token]) -> bool:
    return bool(cue.first) and some[cue.first - 1].word in promise_words.TOWARDS


def _is_over(deed: Mark, some: Sequence[Token]) -> bool:
    """ "… rồi ạ" at the end says that it is done."""
    return last_word(some[deed.after :]) in {"rồi", "roi"}


WAYS: Final = (_by_will, _by_word, _by_offer, _by_deed)
