"""Splits the start of a message or part into headers and body, tolerating damage in between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from channels_inbox.email.mime.limits import MAX_HEADER_BLOCK_BYTES, MAX_HEADER_BYTES, MAX_HEADERS

_END_OF_HEADERS: Final = re.compile(rb"\n\r?\n")
_HEADER_LINE: Final = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_LEADING_BLANKS: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*\r?\n)*")
# Whoever strips forged headers at the door sees neither "Name :" nor what follows damage,
# so a header this important counts only where nobody can read it differently.
_ONLY_IF_UNDAMAGED: Final = "authentication-results"


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """Headers in order as (lower-case name, raw value with its folds), and where the body starts.

    `stray` holds lines among the headers that are none: they belong to the text.
    """

    items: tuple[tuple[str, bytes], ...]
    names: tuple[str, ...]
    body_start: int
    stray: bytes
    problems: tuple[str, ...]

    def first(self, name: str) -> bytes:
        """The first value of a lower-case name, or b'' where there is none."""
        return next((value for key, value in self.items if key == name), b"")

    def every(self, name: str) -> tuple[bytes, ...]:
        """All values of a lower-case name, in order."""
        return tuple(value for key, value in self.items if key == name)


def read_headers(source: bytes, start: int, end: int, *, is_root: bool) -> HeaderBlock:
    """Read the header block of `source[start:end]`. Never raises."""
    if is_root:
        start = _skip_envelope_lines(source, start, end)
    block_end, body_start = _block(source, start, end)
    reader = _Reader(is_root=is_root)
    for line_start, line in _lines(source, start, min(block_end, start + MAX_HEADER_BLOCK_BYTES)):
        if not reader.take(line):
            body_start = line_start
            break
    if block_end - start > MAX_HEADER_BLOCK_BYTES:
        reader.problems.add("headers_too_long")
    return reader.block(body_start)


def _skip_envelope_lines(source: bytes, start: int, end: int) -> int:
    """Past an mbox "From " line, and past blank lines where headers follow them."""
    blanks = _LEADING_BLANKS.match(source, start, end)
    after = blanks.end() if blanks else start
    if source.startswith((b"From ", b">From "), after, end):
        line_end = source.find(b"\n", after, end)
        after = end if line_end < 0 else line_end + 1
    return after if _HEADER_LINE.match(source, after, end) else start


def _block(source: bytes, start: int, end: int) -> tuple[int, int]:
    """(end of the header block, start of the body)."""
    if source.startswith(b"\n", start, end):
        return start, start + 1
    if source.startswith(b"\r\n", start, end):
        return start, start + 2
    blank = _END_OF_HEADERS.search(source, start, end)
    return (blank.start() + 1, blank.end()) if blank else (end, end)


def _lines(source: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    while start < end:
        stop = source.find(b"\n", start, end) + 1 or end
        yield start, source[start:stop]
        start = stop


class _Reader:
    """Collects headers line by line."""

    def __init__(self, *, is_root: bool) -> None:
        self.is_root = is_root
        self.names: list[str] = []
        self.values: list[list[bytes]] = []
        self.sizes: list[int] = []
        self.stray: list[bytes] = []
        self.problems: set[str] = set()

    def take(self, line: bytes) -> bool:
        """Take one line; False where the body starts with it."""
        if line[:1] in b" \t" and self.names:
            self._continue(line)
            return True
        match = _HEADER_LINE.match(line)
        if match is not None:
            self._begin(match, line)
            return True
        self.problems.add("header_damaged")
        if not (self.is_root and self.names):
            return False
        # Damage among a mail's own headers: what follows is still header, the line is kept as text.
        self.stray.append(line)
        return True

    def _begin(self, match: re.Match[bytes], line: bytes) -> None:
        if len(self.names) >= MAX_HEADERS:
            self.problems.add("too_many_headers")
            return
        name = match[1].decode("ascii")
        if name.lower() == _ONLY_IF_UNDAMAGED and (
            self.stray or line[match.end(1) : match.end(1) + 1] != b":"
        ):
            name = "X-Untrusted-" + name
        self.names.append(name)
        self.values.append([])
        self.sizes.append(0)
        self._continue(line[match.end() :].lstrip(b" \t"))

    def _continue(self, line: bytes) -> None:
        room = MAX_HEADER_BYTES - self.sizes[-1]
        if len(line) > room:
            self.problems.add("header_too_long")
        kept = line[: max(room, 0)]
        self.values[-1].append(kept)
        self.sizes[-1] += len(kept)

    def block(self, body_start: int) -> HeaderBlock:
        values = [b"".join(lines).rstrip(b"\r\n") for lines in self.values]
        items = tuple((name.lower(), value) for name, value in zip(self.names, values, strict=True))
        stray = b"".join(self.stray)
        problems = tuple(sorted(self.problems))
        return HeaderBlock(items, tuple(self.names), body_start, stray, problems)
