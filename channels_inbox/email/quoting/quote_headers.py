"""Finds what separates an answer from the mail below it: header blocks and delimiter lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from channels_inbox.email.quoting.quote_phrases import (
    FORWARDED,
    HEADER_OF,
    ORIGINAL_MESSAGE,
    REPLY_ABOVE,
    Header,
)
from channels_inbox.email.quoting.quotes import ADDRESS, DATE, INVISIBLE, TIME

MAX_BLOCK_LINES: Final = 16
MAX_WRAPPED_LINES: Final = 4
MAX_LABEL_CHARS: Final = 24
MAX_DELIMITER_CHARS: Final = 120
MAX_VALUE_CHARS: Final = 1_000
MAX_MOMENT_CHARS: Final = 120

LABEL: Final = re.compile(
    rf"[\s>*_|]*([^\W\d_][^:：<>@\d*_]{{0,{MAX_LABEL_CHARS}}}?)[\s*_]*[:：][\s*_]*"
)
BRACKETED_ADDRESS: Final = re.compile(r"[<\[(]\s?(?:mailto:)?[^\s<>]{1,90}@")
LABEL_INSIDE_LINE: Final = re.compile(r"(?<!\S)([^\W\d_]{2,14}):\s")
FRAMED: Final = re.compile(r"[\s>*_]*[-_=‐-―]{2,}\s*([^\s\-_=‐-―].*?)\s*[-_=‐-―]{2,}[\s*_:]*$")
RULE: Final = re.compile(r"\s*(?:[-_=‐-―*~]\s?){3,}\s*$")
REPLY_ABOVE_FRAMES: Final = tuple("-#=_—[")
ORIGINAL_PHRASES: Final = frozenset(p for phrases in ORIGINAL_MESSAGE.values() for p in phrases)
FORWARD_PHRASES: Final = frozenset(p for phrases in FORWARDED.values() for p in phrases)
UNFRAMED_FORWARD_PHRASES: Final = frozenset(p for p in FORWARD_PHRASES if p.count(" ") >= 2)


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """`header` is None for a `Word: value` line of unknown meaning."""

    header: Header | None
    value: str


def is_rule(line: str) -> bool:
    """A line drawn across the mail."""
    return len(line) <= MAX_DELIMITER_CHARS and RULE.match(line) is not None


def starts_history(line: str) -> bool:
    """`-----Original Message-----`, in any language known, or `reply above this line`."""
    if len(line) > MAX_DELIMITER_CHARS:
        return False
    if _framed_phrase(line) in ORIGINAL_PHRASES:
        return True
    lower = line.strip(" >*").lower()
    return lower[:1] in REPLY_ABOVE_FRAMES and any(words in lower for words in REPLY_ABOVE)


def starts_forward(line: str) -> bool:
    """`---------- Forwarded message ----------`, `Begin forwarded message:`."""
    phrase = _framed_phrase(line)
    if phrase is not None:
        return any(phrase.startswith(words) for words in FORWARD_PHRASES)
    if len(line) > MAX_DELIMITER_CHARS or ":" not in line:
        return False
    return line.strip(" >*:\t").lower() in UNFRAMED_FORWARD_PHRASES


def _framed_phrase(line: str) -> str | None:
    if len(line) > MAX_DELIMITER_CHARS:
        return None
    framed = FRAMED.match(line)
    if framed is None:
        return None
    return framed.group(1).translate(INVISIBLE).strip(" :*#").lower().replace("’", "'")


def header_block_end(lines: Sequence[str], start: int) -> int | None:
    """The line after the header block that begins on line `start`, if one does."""
    first = _header_line(lines[start])
    if first is None or (start and _continues(_header_line(lines[start - 1]), first)):
        return None
    if first.header is not None and _is_whole_block_in_one_line(lines[start]):
        return start + 1
    if first.header is None and not BRACKETED_ADDRESS.search(first.value):
        return None
    block, end = _collect(lines, start)
    is_header = _is_mail_header if first.header is not None else _looks_like_mail_header
    return end if is_header(block) else None


def _continues(above: HeaderLine | None, first: HeaderLine) -> bool:
    """A block is looked for once, from its first line: each line once more would be slow."""
    return above is not None and (above.header is not None or first.header is None)


def _header_line(line: str) -> HeaderLine | None:
    if len(line) > MAX_VALUE_CHARS:
        return None
    visible = line.translate(INVISIBLE).replace("\xa0", " ")
    label = LABEL.match(visible)
    if label is None:
        return None
    header = HEADER_OF.get(label.group(1).strip().lower())
    return HeaderLine(header, visible[label.end() :].strip(" *_\t"))


def _collect(lines: Sequence[str], start: int) -> tuple[list[HeaderLine], int]:
    """The `Word: value` lines from `start`; wrapped values are joined to their line."""
    block: list[HeaderLine] = []
    end = start
    wrapped: list[str] = []
    after_blank = False
    for index in range(start, min(start + MAX_BLOCK_LINES, len(lines))):
        line = lines[index]
        is_blank = not line.strip(" \t\xa0>")
        if is_blank and after_blank:
            break
        header_line = None if is_blank else _header_line(line)
        if header_line is not None and (header_line.header is not None or not after_blank):
            block = [*_with_wrapped(block, wrapped), header_line]
            wrapped, end = [], index + 1
        elif not is_blank and (after_blank or len(wrapped) >= MAX_WRAPPED_LINES):
            break
        elif not is_blank:
            wrapped.append(line)
            end = index + 1 if _is_wrapped_address(line) else end
        after_blank = is_blank
    return block, end


def _is_wrapped_address(line: str) -> bool:
    return "@" in line and (line.strip().startswith(("<", "[", '"')) or line.strip()[-1] in ">];")


def _with_wrapped(block: list[HeaderLine], wrapped: list[str]) -> list[HeaderLine]:
    if not block or not wrapped:
        return block
    last = block[-1]
    return [*block[:-1], HeaderLine(last.header, " ".join([last.value, *wrapped]))]


def _is_mail_header(block: list[HeaderLine]) -> bool:
    """Known labels. A travel wish (`From: Hanoi, To: Hue, Date: 5 May`) is not a mail header."""
    headers = {line.header for line in block if line.header is not None}
    origin = headers & {Header.FROM, Header.SENT, Header.DATE}
    if not origin:
        return False
    has_address = any(ADDRESS.search(line.value) for line in block)
    if len(headers) >= 3:
        return has_address or bool(headers & {Header.SENT, Header.SUBJECT})
    return len(headers) == 2 and has_address and any(map(_is_sent_at, block))


def _is_sent_at(line: HeaderLine) -> bool:
    return line.header in {Header.SENT, Header.DATE} and _is_moment(line.value)


def _is_moment(value: str) -> bool:
    value = value[:MAX_MOMENT_CHARS]
    return bool(DATE.search(value)) and bool(TIME.search(value))


def _looks_like_mail_header(block: list[HeaderLine]) -> bool:
    """Labels of a language we do not know: a writer in brackets first, then a moment."""
    return len(block) >= 3 and any(_is_moment(line.value) for line in block[1:])


def _is_whole_block_in_one_line(line: str) -> bool:
    headers = {HEADER_OF.get(word.lower()) for word in LABEL_INSIDE_LINE.findall(line + " ")}
    if not headers >= {Header.FROM} or not headers & {Header.SENT, Header.DATE}:
        return False
    return bool(ADDRESS.search(line)) and bool(DATE.search(line)) and bool(TIME.search(line))
