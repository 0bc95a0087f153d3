"""Says of every line of a mail what it is: written, quoted, or put there by a mail program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from channels_inbox.email.quoting.quote_headers import (
    header_block_end,
    starts_forward,
    starts_history,
)
from channels_inbox.email.quoting.quotes import MAX_WRAPPED_LINES, Attribution, attribution_at
from channels_inbox.email.quoting.reply_lines import Line, Mark
from channels_inbox.email.quoting.signatures import is_device_line, starts_signature

WRAPPED_QUOTE_CHARS: Final = 60
QUOTED: Final = re.compile(r" {0,3}>")
PYTHON_PROMPT: Final = re.compile(r">>> ?[\w@(\[{'\"]")
FENCE: Final = re.compile(r"\s*(`{3,}|~{3,})[\w+-]*\s*$")
LINK_ONLY: Final = re.compile(r"\s*[(<]\s*(?:https?|mailto):[^\s<>()]+\s*[)>][\s>]*$")


class Tag(Enum):
    TEXT = auto()
    BLANK = auto()
    QUOTE = auto()
    ATTRIBUTION = auto()
    """The line above a quote."""
    HISTORY = auto()
    """A line below which no new text is expected."""
    HEADERS = auto()
    """The header block of an older mail; below it no new text is expected either."""
    FORWARD = auto()
    SIGNATURE = auto()


@dataclass(frozen=True, slots=True)
class Tagged:
    """One mail, line by line: what to show of each line if it is shown, and what it is."""

    texts: list[str]
    tags: list[Tag]


def tagged(lines: list[Line]) -> Tagged:
    return _Tagger(lines).run()


class _Tagger:
    def __init__(self, lines: list[Line]) -> None:
        self.marks = [line.mark for line in lines]
        self.texts = [line.text for line in lines]
        code = _lines_in_code(self.texts)
        self.prose = ["" if index in code else text for index, text in enumerate(self.texts)]
        self.quoted = [self._is_quoted(index) for index in range(len(lines))]
        self._adopt_wrapped_quotes()
        self.quote_follows = self._where_quotes_follow()
        self.at = 0
        self.result = Tagged([], [])

    def run(self) -> Tagged:
        while self.at < len(self.texts):
            if not (self._tag_by_mark() or self._tag_by_text()):
                self._take(self.at + 1, Tag.TEXT)
        return self.result

    def _take(self, end: int, tag: Tag) -> bool:
        self.result.texts.extend(self.texts[self.at : end])
        self.result.tags.extend([tag] * (end - self.at))
        self.at = end
        return True

    def _is_quoted(self, index: int) -> bool:
        if self.marks[index] is Mark.QUOTE:
            return bool(self.texts[index].strip())
        return bool(QUOTED.match(self.prose[index])) and not self._is_python_prompt(index)

    def _is_python_prompt(self, index: int) -> bool:
        """`>>> import os` is quoted text only beside lines that are quoted less deeply."""
        if not PYTHON_PROMPT.match(self.prose[index]):
            return False
        beside = self.prose[max(index - 1, 0) : index + 2]
        return all(PYTHON_PROMPT.match(text) or not QUOTED.match(text) for text in beside)

    def _adopt_wrapped_quotes(self) -> None:
        """A line broken off a long quoted line, right before the quote goes on."""
        for index in range(1, len(self.texts) - 1):
            if self.quoted[index - 1] and self.quoted[index + 1] and not self.quoted[index]:
                self.quoted[index] = _is_broken_off(self.texts[index - 1], self.texts[index])

    def _where_quotes_follow(self) -> list[bool]:
        """Per line, whether the first line with text from there on is quoted."""
        follows = [False] * (len(self.texts) + 1)
        for index in range(len(self.texts) - 1, -1, -1):
            if not self.texts[index].strip() and self.marks[index] is not Mark.HISTORY:
                follows[index] = follows[index + 1]
            else:
                follows[index] = self.quoted[index] or self.marks[index] is Mark.MAYBE_QUOTE
        return follows

    def _tag_by_mark(self) -> bool:
        at, mark = self.at, self.marks[self.at]
        if mark is Mark.HISTORY:
            return self._take(at + 1, Tag.HISTORY)
        if not self.texts[at].strip():
            return self._take(at + 1, Tag.BLANK)
        if self.quoted[at]:
            return self._take(at + 1, Tag.QUOTE)
        if mark is Mark.SIGNATURE:
            return self._take(at + 1, Tag.SIGNATURE)
        if mark is Mark.ATTRIBUTION:
            return self._take(at + 1, self._attribution_tag(self._end_of_mark()))
        if mark is Mark.MAYBE_QUOTE and self._is_attributed():
            return self._take(self._end_of_mark(), Tag.QUOTE)
        return False

    def _tag_by_text(self) -> bool:
        at, text = self.at, self.prose[self.at]
        if is_device_line(text) and self._attribution(at) is None:
            return self._take(at + 1, Tag.SIGNATURE)
        if starts_forward(text):
            return self._take(at + 1, Tag.FORWARD)
        if starts_history(text):
            return self._take(at + 1, Tag.HISTORY)
        if starts_signature(self.prose, at):
            return self._take(self._end_of_signature(), Tag.SIGNATURE)
        if block_end := header_block_end(self.prose, at):
            return self._take(block_end, Tag.HEADERS)
        return self._tag_attribution()

    def _tag_attribution(self) -> bool:
        found = self._attribution(self.at)
        if found is None:
            return False
        before = found.reply_before
        if before and not is_device_line(before):
            self.result.texts.append(before)
            self.result.tags.append(Tag.TEXT)
        return self._take(found.end, self._attribution_tag(found.end))

    def _attribution(self, index: int) -> Attribution | None:
        return attribution_at(self.prose, index, self.quote_follows.__getitem__)

    def _attribution_tag(self, end: int) -> Tag:
        """Without quote marks below, nobody can tell old text from new."""
        return Tag.ATTRIBUTION if self.quote_follows[end] else Tag.HISTORY

    def _end_of_mark(self) -> int:
        index, mark = self.at, self.marks[self.at]
        while index < len(self.texts) and (
            self.marks[index] is mark or not self.texts[index].strip()
        ):
            index += 1
        return index

    def _is_attributed(self) -> bool:
        """Whether a line right above or at the top of the blockquote tells who wrote it."""
        above = (tag for tag in reversed(self.result.tags) if tag is not Tag.BLANK)
        if next(above, None) in (Tag.ATTRIBUTION, Tag.QUOTE):
            return True
        if self.at and self.marks[self.at - 1] is Mark.MAYBE_QUOTE:
            return False
        top = self.prose[self.at : self.at + MAX_WRAPPED_LINES]
        return attribution_at(top, 0, lambda _: True) is not None

    def _end_of_signature(self) -> int:
        """A signature ends where a quote begins: what follows that may be an answer."""
        index = self.at + 1
        while index < len(self.texts) and not self._ends_signature(index):
            index += 1
        return index

    def _ends_signature(self, index: int) -> bool:
        if self.quoted[index] or self.marks[index] in (Mark.QUOTE, Mark.HISTORY):
            return True
        text = self.prose[index]
        if starts_history(text) or starts_forward(text):
            return True
        return bool(header_block_end(self.prose, index)) or self._attribution(index) is not None


def _is_broken_off(quoted: str, text: str) -> bool:
    if LINK_ONLY.match(text):
        return True
    if len(quoted) < WRAPPED_QUOTE_CHARS or quoted.rstrip().endswith("?"):
        return False
    return text[:1].islower()


def _lines_in_code(texts: list[str]) -> set[int]:
    """Lines inside fenced code. A fence never closed is no fence."""
    inside: set[int] = set()
    opened: tuple[int, str] | None = None
    for index, text in enumerate(texts):
        fence = FENCE.match(text)
        if fence is None:
            continue
        if opened is None:
            opened = (index, fence.group(1))
        elif fence.group(1).startswith(opened[1]):
            inside.update(range(opened[0], index + 1))
            opened = None
    return inside
