"""Finds the line a mail program writes above a quoted mail: `On Monday Ann <ann@x.org> wrote:`.

Any language: what counts is a date, an address and a colon; verbs only confirm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from channels_inbox.email.quoting.quote_phrases import (
    ALSO_WROTE,
    I_OR_WE,
    LEAD_IN,
    WROTE,
    WROTE_BEFORE_NAME,
)

MAX_LINE_CHARS: Final = 400
MAX_WRAPPED_LINES: Final = 5
MAX_JOINED_CHARS: Final = 500
MAX_VERB_CHARS: Final = 40
MAX_NAME_CHARS: Final = 60
MAX_AFTER_ADDRESS_CHARS: Final = 90

FIRST_SCRIPT_WITHOUT_SPACES: Final = "\u0e00"


def _any_of(phrases: Sequence[str]) -> str:
    """An alternation of whole words; scripts written without spaces have no word edges."""
    longest_first = sorted(set(phrases), key=len, reverse=True)
    spaced = [re.escape(p) for p in longest_first if p[0] < FIRST_SCRIPT_WITHOUT_SPACES]
    unspaced = [re.escape(p) for p in longest_first if p[0] >= FIRST_SCRIPT_WITHOUT_SPACES]
    options = [rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)"] if spaced else []
    return "|".join(options + unspaced)


VERBS: Final = [phrase for phrases in WROTE.values() for phrase in phrases]
VERB: Final = re.compile(_any_of(VERBS))
VERB_LAST: Final = re.compile(rf"(?:{_any_of(VERBS)})\W*$")
EVERYDAY_VERB_LAST: Final = re.compile(rf"(?:{_any_of(ALSO_WROTE)})\W*$")
VERB_THEN_NAME: Final = re.compile(
    rf"(?:{_any_of(WROTE_BEFORE_NAME)})\s+\S.{{0,{MAX_NAME_CHARS}}}$"
)
NAME_VERB_MOMENT: Final = re.compile(
    rf"[^\d]{{2,{MAX_NAME_CHARS}}} (?:{_any_of(VERBS)})(?! that)[^@]{{0,12}}\d.{{0,30}}\d$"
)
FIRST_PERSON: Final = re.compile(rf"(?:{_any_of(I_OR_WE)})(?=\W)")
NO_ADDRESS: Final = r"\s<>()\[\]\"',;:@"
ADDRESS: Final = re.compile(
    rf"(?<![^{NO_ADDRESS}])[^{NO_ADDRESS}]{{1,90}}@[^{NO_ADDRESS}]{{2,255}}"
)
TIME: Final = re.compile(r"\d{1,2}\s?[:.：hH時时点시]\s?\d{2}(?!\d)")
NUMERIC_DATE: Final = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[./-]\s?\d{1,2}[./-]\s?\d{1,2}"
    r"|\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4})(?!\d)"
)
DATE: Final = re.compile(
    rf"{NUMERIC_DATE.pattern}|(?<!\d)(?:19|20)\d\d(?!\d)"
    r"|(?<!\d)\d{1,2}(?:\.|st|nd|rd|th)?[ -](?:de |thg |tháng )?[^\W\d_]{3}"
    r"|[^\W\d_]{3}\.? \d{1,2}(?!\d)"
)
STARTS_WITH_DATE: Final = re.compile(r"(?:[^\s\d<>@:,]{1,15}[\s,]+){0,5}[^\s\d<>@]{0,3}\d")
STARTS_WITH_NUMERIC_DATE: Final = re.compile(rf"{NUMERIC_DATE.pattern}|\d{{4}}年")
GMAIL_WITHOUT_ADDRESS: Final = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2} \d{1,2}:\d\d GMT[+-]\d\d:\d\d\s+\S"
)
LEAD_IN_INSIDE_LINE: Final = re.compile(
    rf"(?:(?<=\s)|(?<=-))(?:{'|'.join(sorted(set(LEAD_IN)))})\s(?=.{{0,20}}\d)"
)
DASHED: Final = re.compile(r"\s*-{2,}.*-{2,}\s*:?\s*$")
AFTER_DASHES: Final = re.compile(r"\s*-{3} ")
INVISIBLE: Final = dict.fromkeys(
    [0xAD, 0xFEFF, 0x2060, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
"""Right-to-left marks and zero-width characters that clients put around names and dates."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """`end` is the line after it; `reply_before` is text of the writer on the same line."""

    end: int
    reply_before: str


def attribution_at(
    lines: Sequence[str], start: int, quote_follows: Callable[[int], bool]
) -> Attribution | None:
    """The attribution that begins on line `start`, be it wrapped over several lines."""
    line = lines[start]
    if len(line) > MAX_LINE_CHARS or not _may_begin_attribution(line):
        return None
    for offset in _possible_beginnings(line):
        end = _attribution_end(lines, start, offset, quote_follows)
        if end is not None:
            return Attribution(end, line[:offset].rstrip(" \t-—_*"))
    return None


def _may_begin_attribution(line: str) -> bool:
    return "@" in line or "<" in line or any(character.isdigit() for character in line)


def _possible_beginnings(line: str) -> Iterator[int]:
    for match in LEAD_IN_INSIDE_LINE.finditer(line):
        before = line[: match.start()].strip(" \t>*_-—")
        if before and "@" not in before and not STARTS_WITH_DATE.match(before):
            yield match.start()
            break
    yield 0


def _attribution_end(
    lines: Sequence[str], start: int, offset: int, quote_follows: Callable[[int], bool]
) -> int | None:
    bare = _bare(lines[start][offset:])
    if not (STARTS_WITH_DATE.match(bare) or "@" in bare or "<" in bare or bare.endswith(":")):
        return None
    for end, joined in _unwrapped(lines, start, offset):
        if not reads_as_attribution(joined, above_quote=quote_follows(end)):
            continue
        if _prose_goes_on(lines, end, joined) and not quote_follows(end):
            continue
        return None if _a_later_line_begins_it(lines, start, end) else end
    return None


def _prose_goes_on(lines: Sequence[str], end: int, joined: str) -> bool:
    """`On 5 May ann@x.org wrote` and a next line: a sentence, wrapped by chance after the verb."""
    return end < len(lines) and bool(lines[end].strip()) and not _is_closed(joined)


def _unwrapped(lines: Sequence[str], start: int, offset: int) -> Iterator[tuple[int, str]]:
    """The text from `start` on, one more line joined each time."""
    joined = lines[start][offset:]
    yield start + 1, joined
    for end in range(start + 2, min(start + MAX_WRAPPED_LINES, len(lines)) + 1):
        wrapped = lines[end - 1].strip()
        if not wrapped and end < len(lines) and lines[end].lstrip().startswith("<"):
            continue
        if not wrapped or len(wrapped) > MAX_LINE_CHARS:
            return
        joined = f"{joined} {wrapped}"
        if len(joined) > MAX_JOINED_CHARS:
            return
        yield end, joined


def _a_later_line_begins_it(lines: Sequence[str], start: int, end: int) -> bool:
    """Prose right above an attribution is not part of it."""
    for later in range(start + 1, end):
        joined = " ".join(line.strip() for line in lines[later:end])
        dated = STARTS_WITH_DATE.match(_bare(joined)) and DATE.search(joined)
        if dated and reads_as_attribution(joined, above_quote=False):
            return True
    return False


def _bare(line: str) -> str:
    return line.translate(INVISIBLE).strip().lstrip(">*_-—= \t").rstrip("*_-—= \t")


def _is_closed(text: str) -> bool:
    return _bare(text).endswith((":", "：")) or DASHED.match(text) is not None


def reads_as_attribution(text: str, *, above_quote: bool) -> bool:
    """Whether the (unwrapped) text says who wrote what follows."""
    sentence = _bare(text).lower().rstrip(":： ")
    closed = _is_closed(text)
    above_quote = above_quote or bool(AFTER_DASHES.match(text))
    addresses = list(ADDRESS.finditer(sentence))
    if addresses:
        return _names_writer_by_address(sentence, addresses, closed, above_quote)
    if GMAIL_WITHOUT_ADDRESS.match(_bare(text)):
        return True
    return closed and _names_writer_without_address(sentence, above_quote)


def _names_writer_by_address(
    sentence: str, addresses: list[re.Match[str]], closed: bool, above_quote: bool
) -> bool:
    address = addresses[-1]
    bracketed = any(_is_bracketed(sentence, found.start()) for found in addresses)
    dated_start = bool(STARTS_WITH_DATE.match(sentence))
    after = sentence[address.end() :].lstrip(" >)]\"'’,.").rstrip(" \"'’,.")
    if not after:
        return bracketed and _ends_with_writer(sentence, address.start(), closed, above_quote)
    if len(after) > MAX_AFTER_ADDRESS_CHARS:
        return False
    verb = VERB.search(after)
    if (verb and verb.group() == after) or (EVERYDAY_VERB_LAST.match(after)):
        return above_quote or dated_start or (closed and bracketed)
    if not (verb and closed):
        return False
    return VERB_LAST.match(after) is not None or bool(DATE.search(after) or TIME.search(after))


def _is_bracketed(sentence: str, start: int) -> bool:
    return sentence[:start].rstrip().endswith(("<", "(", "[", "mailto:"))


def _ends_with_writer(sentence: str, address: int, closed: bool, above_quote: bool) -> bool:
    """`3.4.2012, 12:00, Ann <ann@x.org>:`, where no verb confirms."""
    if not STARTS_WITH_DATE.match(sentence):
        return False
    before = sentence[:address]
    if STARTS_WITH_NUMERIC_DATE.match(sentence) and (closed or above_quote):
        return True
    return closed and bool(DATE.search(before)) and bool(TIME.search(before) or above_quote)


def _names_writer_without_address(sentence: str, above_quote: bool) -> bool:
    dated, timed = bool(DATE.search(sentence)), bool(TIME.search(sentence))
    if not (dated or timed) or (FIRST_PERSON.search(sentence) and not above_quote):
        return False
    if dated and timed and NAME_VERB_MOMENT.match(sentence):
        return True
    if not STARTS_WITH_DATE.match(sentence):
        return False
    if VERB_LAST.search(sentence[-MAX_VERB_CHARS:]):
        return True
    if VERB_THEN_NAME.search(sentence):
        return timed or above_quote
    if above_quote and EVERYDAY_VERB_LAST.search(sentence[-MAX_VERB_CHARS:]):
        return dated
    return above_quote and dated and timed
