"""Files that old mailers uuencode into the text itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from channels_inbox.email.mime.limits import MAX_UUENCODED_FILES
from channels_inbox.email.mime.transfer import decode_uu_lines

_BEGIN: Final = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)
_END: Final = re.compile(rb"^(?:[` ]\r?\n)?end[ \t]*\r?$", re.MULTILINE)
_DATA_LINE: Final = re.compile(rb"[ -`]{2,90}\r?\n")


@dataclass(frozen=True, slots=True)
class UuencodedFile:
    """One file found in a text: raw name and decoded content."""

    name: bytes
    content: bytes


def take_files(text: bytes) -> tuple[bytes, tuple[UuencodedFile, ...]]:
    """(`text` without its uuencoded files, the files in order)."""
    files: list[UuencodedFile] = []
    kept: list[bytes] = []
    position = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < position or not _DATA_LINE.match(text, begin.end()):
            continue
        end = _END.search(text, begin.end())
        if end is None or len(files) >= MAX_UUENCODED_FILES:
            break
        kept.append(text[position : begin.start()])
        lines = text[begin.end() : end.start()].splitlines()
        files.append(UuencodedFile(begin[1], decode_uu_lines(lines)))
        position = end.end()
    return b"".join(kept) + text[position:], tuple(files)
