"""A packet filled by rules: what the customer asks, what was done, what comes next, what was
promised and how they sound, each line with the entries it comes from.

A line without an entry to point at is not made: what it says can be looked up.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from conversations.gist import packet_words
from conversations.gist.moods import Mood, mood_text, moods_of
from conversations.gist.promises import suggest_promises
from conversations.gist.readings import Reading, readings
from conversations.gist.shortening import count_words, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

# The card holds 60 words; the reason is the sender's.
WORDS: Final = 54
# How many words a line may have: while all lines fit, and where they don't.
ROOMY: Final = {"asks": 22, "done": 16, "next": 14, "promised": 14, "mood": 6}
TIGHT: Final = {"asks": 16, "done": 11, "next": 10, "promised": 9, "mood": 6}
DUE_WORDS: Final = 3
ROUNDS: Final = ("mood", "promised", "asks", "done", "next"), ("asks", "done", "promised", "next")
LINES: Final = 3
# A thread is for life; a packet is of what goes on in it now.
NEWEST: Final = 60
# What older answers promised is over, or was marked.
ANSWERS: Final = 10
SOUNDS: Final = 3
# "Safety team informed": a note tells at once what was done.
NOTED_WITHIN: Final = 4
SURE: Final = 0.5


@dataclass(frozen=True, slots=True)
class ThreadEntry:
    """`kind` is "message", "note" or "event", `direction` "in", "out" or ""."""

    id: int
    kind: str
    direction: str
    at: datetime
    text: str

    @property
    def is_asked(self) -> bool:
        return self.kind == "message" and self.direction == "in"

    @property
    def is_answer(self) -> bool:
        return self.kind == "message" and self.direction == "out"


@dataclass(frozen=True, slots=True)
class OpenPromise:
    entry: int
    text: str
    due: datetime


@dataclass(frozen=True, slots=True)
class GistLine:
    """One line of the card and the entries it comes from; `due` is shown beside it."""

    text: str
    cites: tuple[int, ...]
    due: datetime | None = None

    @property
    def words(self) -> int:
        return count_words(self.text) + (DUE_WORDS if self.due else 0)


@dataclass(frozen=True, slots=True)
class Source:
    """What a line is made of: a sentence, the sign in it that it turns on, and the words to put it
    in. `from_point` drops what stands before."""

    text: str
    cites: tuple[int, ...]
    point: int = 0
    from_point: bool = False
    shown: str = "%(words)s"
    due: datetime | None = None

    def line(self, at_most: int) -> GistLine:
        room = at_most - count_words(self.shown % {"words": ""})
        words = shortened(self.text, room, point=self.point, from_point=self.from_point)
        return GistLine(self.shown % {"words": words}, self.cites, self.due)


@dataclass(frozen=True, slots=True)
class Gist:
    asks: tuple[GistLine, ...] = ()
    done: tuple[GistLine, ...] = ()
    next: tuple[GistLine, ...] = ()
    promised: tuple[GistLine, ...] = ()
    mood: tuple[GistLine, ...] = ()
    moods: tuple[Mood, ...] = ()

    @property
    def words(self) -> int:
        lines = (*self.asks, *self.done, *self.next, *self.promised, *self.mood)
        return sum(line.words for line in lines)


@dataclass(frozen=True, slots=True)
class Read:
    """An entry with its sentences."""

    entry: ThreadEntry
    readings: Sequence[Reading]


def prefill(
    entries: Iterable[ThreadEntry],
    *,
    promises: Iterable[OpenPromise] = (),
    failed: AbstractSet[int] = frozenset(),
    labels: Iterable[str] = (),
    now: datetime,
    zone: ZoneInfo,
    words: int = WORDS,
) -> Gist:
    """What a thread says for the card, in at most so many words.

    `entries` oldest first (withdrawn ones left out), of which the newest 60 are read; `failed` are
    ids of messages that did not go out: they answer nothing and promise nothing. What words of
    `labels` occur in is asked for first.
    """
    thread = [Read(entry, readings(entry.text)) for entry in list(entries)[-NEWEST:]]
    asks = _asks(thread, failed, _words_of(labels))
    promised = _promised(thread, list(promises), failed, now=now, zone=zone)
    done, following = _done(thread, failed), _next(thread, failed)
    if asks and not following:
        following = [Source(_("Answer the customer"), asks[-1].cites[-1:])]
    moods, mood = _mood(thread, asks)
    found = {"asks": asks, "done": done, "next": following, "promised": promised, "mood": mood}
    return replace(_fitted(found, words), moods=moods)


def _words_of(labels: Iterable[str]) -> frozenset[str]:
    return frozenset(word for label in labels for word in label.lower().split())


# What is asked


def _asks(
    thread: Sequence[Read], failed: AbstractSet[int], topics: AbstractSet[str]
) -> list[Source]:
    """What is asked in messages that nobody answered, oldest first; the same only once."""
    waiting = _unanswered(thread, failed)
    found = [
        (reading, read.entry.id) for read in waiting for reading in _asked(read.readings, topics)
    ]
    if not found:
        found = list(_told(waiting))
    merged: list[tuple[Reading, tuple[int, ...]]] = []
    for reading, pk in found:
        _merge(merged, reading, pk)
    return [_without_greeting(reading, cites) for reading, cites in merged]


def _unanswered(thread: Sequence[Read], failed: AbstractSet[int]) -> list[Read]:
    waiting: list[Read] = []
    for read in thread:
        if read.entry.is_asked:
            waiting.append(read)
        elif read.entry.is_answer and read.entry.id not in failed and not _holds(read.readings):
            waiting = []
    return waiting


def _holds(some: Sequence[Reading]) -> bool:
    """Whether an answer only says that one will follow, or only asks something back."""
    if any(reading.has("holding") for reading in some):
        return True
    back = any(reading.asks and not reading.has("else") for reading in some)
    return back and not any(_answers(reading) for reading in some)


def _answers(reading: Reading) -> bool:
    polite = reading.has("sorry", "thanks", "boiler")
    return not (reading.asks or reading.is_small_talk or polite) and len(reading.subject) > 2


def _asked(some: Sequence[Reading], topics: AbstractSet[str]) -> list[Reading]:
    """A message's questions, two at most, or else its plainest request."""
    serious = [reading for reading in some if not reading.is_small_talk]
    questions = [reading for reading in serious if reading.asks and not _scolds(reading)]
    if questions:
        return sorted(questions, key=lambda r: not topics & r.subject)[:2]
    requests = [reading for reading in serious if reading.has("ask") or reading.is_order]
    requests.sort(key=lambda r: (not topics & r.subject, r.has("thanks")))
    return requests[:1]


def _scolds(reading: Reading) -> bool:
    """ "Are you kidding me?" """
    return reading.has("angry") and len(reading.subject) < 3


def _told(waiting: Iterable[Read]) -> Iterator[tuple[Reading, int]]:
    """Where nobody asks anything: what the first of them has to say."""
    for read in waiting:
        serious = [reading for reading in read.readings if not reading.is_small_talk]
        if serious:
            yield max(serious, key=lambda r: (r.has("problem"), len(r.subject))), read.entry.id
            return


def _merge(merged: list[tuple[Reading, tuple[int, ...]]], reading: Reading, pk: int) -> None:
    """Add what is asked, or where it was asked before, only that it was."""
    for at, (before, cites) in enumerate(merged):
        if before.subject <= reading.subject or reading.subject <= before.subject:
            fuller = max(reading, before, key=lambda r: len(r.subject))
            merged[at] = (fuller, tuple(dict.fromkeys((*cites, pk))))
            return
    merged.append((reading, (pk,)))


def _without_greeting(reading: Reading, cites: tuple[int, ...]) -> Source:
    """What is asked, without "Hi Ana," where that is a short clause of its own."""
    text = reading.text
    place = reading.place("ask") or (len(text) - 1 if reading.asks else 0)
    comma = text.find(", ")
    greets = bool(reading.marks) and reading.marks[0].kind == "greeting"
    if not greets or reading.marks[0].first or not 0 <= comma < place:
        return Source(text, cites, place)
    if count_words(text[:comma]) > 4:
        return Source(text, cites, place)
    return Source(text[comma + 2 :], cites, place - comma - 2)


# What was done, and what is to do


def _done(thread: Sequence[Read], failed: AbstractSet[int]) -> list[Source]:
    """What notes and messages of ours say was done."""
    found: dict[str, Source] = {}
    for read in thread:
        if read.entry.id in failed or read.entry.is_asked or read.entry.kind == "event":
            continue
        note = read.entry.kind == "note"
        for reading in read.readings:
            place = _deed(reading, note=note)
            if place is not None:
                text = _done_words(reading, place)
                source = Source(text, (read.entry.id,), place, from_point=True)
                found.setdefault(text.lower(), source)
    return list(found.values())


def _deed(reading: Reading, *, note: bool) -> int | None:
    """The sign where something done is told, if the sentence tells any."""
    if reading.has("boiler"):
        return None
    kinds = {mark.first: mark.kind for mark in reading.marks}
    ends = {mark.after: mark.kind for mark in reading.marks}
    question = reading.text.rfind(",") if reading.asks else len(reading.text)
    for at, token in enumerate(reading.some):
        if token.start > question or (kinds.get(at) == "to_do" and not note):
            return None
        if kinds.get(at) == "did_vi":
            return token.start
        if kinds.get(at) == "did" or _ends_as_done(token.word):
            has = "have" in {ends.get(at), ends.get(at - 1)}
            if at == 0 or has or (note and at < NOTED_WITHIN):
                return token.start
    return None


def _ends_as_done(word: str) -> bool:
    return len(word) > 3 and word.endswith("ed") and word not in packet_words.NOT_DONE


def _done_words(reading: Reading, place: int) -> str:
    """The sentence up to the clause that says what is still to do."""
    later = reading.place("to_do")
    cut = reading.text.rfind(",", place, later) if later > place else -1
    return reading.text[:cut] if cut > 0 else reading.text


def _next(thread: Sequence[Read], failed: AbstractSet[int]) -> list[Source]:
    """What did not go out, and what the newest notes leave to do."""
    found = [
        Source(_opening(read), (read.entry.id,), shown=_("Send again: %(words)s"))
        for read in thread
        if read.entry.id in failed and read.readings
    ]
    notes = [read for read in thread if read.entry.kind == "note"]
    for read in notes:
        for reading in read.readings:
            if reading.has("to_do") and not reading.asks:
                place = reading.place("to_do")
                found.append(Source(reading.text, (read.entry.id,), place, from_point=True))
    return found


def _opening(read: Read) -> str:
    serious = [reading for reading in read.readings if not reading.is_small_talk]
    return (serious or list(read.readings))[0].text


# What was promised, and how they sound


def _promised(
    thread: Sequence[Read],
    promises: Sequence[OpenPromise],
    failed: AbstractSet[int],
    *,
    now: datetime,
    zone: ZoneInfo,
) -> list[Source]:
    """Open promises, then what our messages promise that nobody marked; the soonest first."""
    marked = [Source(one.text, (one.entry,), due=one.due) for one in promises]
    known = {one.entry for one in promises} | failed
    answers = [read for read in thread if read.entry.is_answer][-ANSWERS:]
    found = [
        Source(one.sentence, (read.entry.id,), due=one.due)
        for read in answers
        if read.entry.id not in known
        for one in suggest_promises(read.entry.text, written_at=read.entry.at, zone=zone)
        if one.due > now and one.sure >= SURE
    ]
    return sorted(marked, key=_due) + sorted(found, key=_due)


def _due(source: Source) -> datetime:
    assert source.due
    return source.due


def _mood(thread: Sequence[Read], asks: Sequence[Source]) -> tuple[tuple[Mood, ...], list[Source]]:
    newest = [read for read in thread if read.entry.is_asked][-SOUNDS:]
    if not newest:
        return (), []
    asked = max((len(source.cites) for source in asks), default=0)
    moods = moods_of([read.readings for read in newest], asked)
    cites = tuple(read.entry.id for read in newest)
    return tuple(moods), [Source(mood_text(moods[:2], asked), cites)]


# The whole card


def _fitted(found: dict[str, list[Source]], words: int) -> Gist:
    roomy = _lines(found, ROOMY, LINES)
    return roomy if roomy.words <= words else _chosen(found, words)


def _lines(found: dict[str, list[Source]], room: dict[str, int], count: int) -> Gist:
    """So many lines of each field: the soonest promises, the newest of everything else."""
    lines = {
        field: tuple(
            source.line(room[field])
            for source in (some[:count] if field == "promised" else some[-count:])
        )
        for field, some in found.items()
    }
    return _packet(lines)


def _chosen(found: dict[str, list[Source]], words: int) -> Gist:
    """As many short lines as there is room for: one of each field, then another round."""
    tight = _lines(found, TIGHT, LINES)
    kept: dict[str, tuple[GistLine, ...]] = {}
    for number in range(LINES):
        for field in ROUNDS[min(number, 1)]:
            some: tuple[GistLine, ...] = getattr(tight, field)
            at = number if field == "promised" else len(some) - 1 - number
            if 0 <= at < len(some) and some[at].words <= words:
                before = kept.get(field, ())
                kept[field] = (*before, some[at]) if field == "promised" else (some[at], *before)
                words -= some[at].words
    return _packet(kept)


def _packet(lines: Mapping[str, tuple[GistLine, ...]]) -> Gist:
    return Gist(
        asks=lines.get("asks", ()),
        done=lines.get("done", ()),
        next=lines.get("next", ()),
        promised=lines.get("promised", ()),
        mood=lines.get("mood", ()),
    )
