"""Raw bytes to a tree of MIME parts: iterative, limited in depth and number, never raising.

Outer boundaries are looked for before inner ones, so a part can't reach beyond its parent. Each
node also carries an `email.message.Message` of the same shape as the standard library builds.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Final

from channels_inbox.email.mime.header_block import HeaderBlock, read_headers
from channels_inbox.email.mime.headers import ContentHeader, content_header, content_type
from channels_inbox.email.mime.limits import MAX_DEPTH, MAX_PARTS, MAX_RAW_BYTES, MAX_STATUS_BLOCKS
from channels_inbox.email.mime.transfer import decode_transfer, transfer_encoding

_UNDECLARED_BOUNDARY: Final = re.compile(
    rb"^--(?P<boundary>\S[^\r\n]{0,200})\r?\nContent-", re.MULTILINE | re.IGNORECASE
)
_BLANK_LINE: Final = re.compile(rb"\n(?:\r?\n)+")
# A leaf larger than this that is not text is not copied into the Message.
_MAX_OPAQUE_PAYLOAD: Final = 64 * 1024


@dataclass(slots=True)
class Part:
    """One MIME part: `source[start:end]` is its body, still transfer-encoded.

    `is_leaf` is true for what has content of its own: everything but a multipart that was split.
    Children of a message/rfc822 are in `message` only, for it is a leaf to its reader.
    """

    source: bytes
    start: int
    end: int
    headers: HeaderBlock
    type: ContentHeader
    content_type: str
    disposition: ContentHeader
    message: Message[str, str]
    depth: int
    children: list[Part] = field(default_factory=list)
    is_leaf: bool = True

    def content(self) -> bytes:
        """The body with its transfer encoding undone."""
        return decode_transfer(self.source[self.start : self.end], self.encoding)

    @property
    def encoding(self) -> str:
        return transfer_encoding(self.headers.first("content-transfer-encoding"))

    @property
    def is_multipart(self) -> bool:
        return self.content_type.startswith("multipart/")


@dataclass(frozen=True, slots=True)
class Structure:
    """The parsed tree and the machine codes of what was cut or odd."""

    root: Part
    problems: frozenset[str]


def read_structure(raw: bytes) -> Structure:
    """Read a whole mail. Never raises."""
    problems: set[str] = set()
    source = _with_line_feeds(raw)
    if len(source) > MAX_RAW_BYTES:
        source = source[:MAX_RAW_BYTES]
        problems.add("mail_too_large")
    root = _part(source, 0, len(source), depth=0, default="text/plain")
    waiting = deque([root])
    count = 1
    while waiting:
        part = waiting.popleft()
        problems.update(part.headers.problems)
        for child in _split(part, MAX_PARTS - count, problems):
            waiting.append(child)
            count += 1
    return Structure(root, frozenset(problems))


def _with_line_feeds(raw: bytes) -> bytes:
    """A mail whose lines end in bare CR is read; a bare CR among line feeds is no line end."""
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def _part(source: bytes, start: int, end: int, *, depth: int, default: str) -> Part:
    headers = read_headers(source, start, end, is_root=depth == 0)
    type_ = content_header(headers.first("content-type"))
    message: Message[str, str] = Message()
    for name, (_, value) in zip(headers.names, headers.items, strict=True):
        message.set_raw(name, value.decode("ascii", "surrogateescape"))
    message.set_default_type(default)
    return Part(
        source=source,
        start=min(headers.body_start, end),
        end=end,
        headers=headers,
        type=type_,
        content_type=content_type(type_, default),
        disposition=content_header(headers.first("content-disposition")),
        message=message,
        depth=depth,
    )


def _split(part: Part, room: int, problems: set[str]) -> list[Part]:
    """Give `part` its children (at most `room`) and return those to be split further."""
    opens = part.is_multipart or part.content_type.startswith("message/")
    if opens and part.depth >= MAX_DEPTH:
        problems.add("too_deep")
    elif part.is_multipart:
        return _split_multipart(part, room, problems)
    elif part.content_type == "message/delivery-status":
        return _split_status(part)
    elif opens and room > 0:
        return _open_message(part)
    _keep_payload(part)
    return []


def _split_multipart(part: Part, room: int, problems: set[str]) -> list[Part]:
    boundary = _boundary(part)
    if boundary is None:
        problems.add("boundary_missing")
        _keep_payload(part)
        return []
    default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
    regions = _regions(part, boundary)
    part.children = [
        _part(part.source, start, end, depth=part.depth + 1, default=default)
        for start, end in _first(regions, room)
    ]
    if next(regions, None) is not None:
        problems.add("too_many_parts")
    part.is_leaf = False
    part.message.set_payload([child.message for child in part.children])
    return part.children


def _first(regions: Iterator[tuple[int, int]], room: int) -> Iterator[tuple[int, int]]:
    for _, region in zip(range(room), regions, strict=False):
        yield region


def _boundary(part: Part) -> bytes | None:
    """The declared boundary, or the one that really separates the parts, or None."""
    declared = part.type.parameters.get("boundary", "").encode("utf-8", "surrogateescape")
    if declared and next(_delimiters(part, declared), None) is not None:
        return declared
    found = _UNDECLARED_BOUNDARY.search(part.source, part.start, part.end)
    return found["boundary"].rstrip() if found else None


def _delimiters(part: Part, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """(start of line, start of next line, closes) of each delimiter line."""
    needle = b"--" + boundary
    position = part.start
    while (found := part.source.find(needle, position, part.end)) >= 0:
        after = found + len(needle)
        next_line = part.source.find(b"\n", after, part.end) + 1 or part.end
        at_line_start = found == part.start or part.source[found - 1] == 0x0A
        rest = part.source[after : min(next_line, after + 100)].strip()
        if at_line_start and rest in {b"", b"--"}:
            yield found, next_line, rest == b"--"
        position = next_line


def _regions(part: Part, boundary: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of each child. A part opened again after the closing line counts too."""
    opened: int | None = None
    for line_start, next_line, closes in _delimiters(part, boundary):
        if opened is not None:
            yield opened, _before_line_end(part.source, opened, line_start)
        opened = None if closes else next_line
    if opened is not None and opened < part.end:
        yield opened, part.end


def _before_line_end(source: bytes, start: int, position: int) -> int:
    """The line end before a delimiter belongs to the delimiter."""
    if position > start and source[position - 1] == 0x0A:
        position -= 1
        if position > start and source[position - 1] == 0x0D:
            position -= 1
    return position


def _open_message(part: Part) -> list[Part]:
    """The message inside a message/* part; the part itself stays a leaf."""
    if part.encoding == "":
        source, start, end = part.source, part.start, part.end
    else:
        source = part.content()
        start, end = 0, len(source)
    inner = _part(source, start, end, depth=part.depth + 1, default="text/plain")
    part.message.set_payload([inner.message])
    return [inner]


def _split_status(part: Part) -> list[Part]:
    """Blocks of a delivery status become header-only messages, as the standard library does."""
    content = part.content()
    blocks = [block for block in _BLANK_LINE.split(content, MAX_STATUS_BLOCKS) if block.strip()]
    inner = [
        _part(block, 0, len(block), depth=part.depth + 1, default="text/plain")
        for block in blocks[:MAX_STATUS_BLOCKS]
    ]
    for one in inner:
        _keep_payload(one)
    part.message.set_payload([one.message for one in inner])
    return []


def _keep_payload(part: Part) -> None:
    readable = part.content_type.startswith(("text/", "message/", "multipart/"))
    size = part.end - part.start
    body = part.source[part.start : part.end] if readable or size <= _MAX_OPAQUE_PAYLOAD else b""
    part.message.set_payload(body.decode("ascii", "surrogateescape"))
