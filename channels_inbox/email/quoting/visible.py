"""What the sender newly wrote: a mail without its quoted history and its signature.

Never hides what it is not sure about; the view offers the full text beside this one.
"""

from __future__ import annotations

from typing import Final

from channels_inbox.email.quoting.quote_html import marked_lines
from channels_inbox.email.quoting.reply_lines import Line
from channels_inbox.email.quoting.reply_trim import written_part

# A longer mail is shown in full: no mail may cost more than a moment of work.
MAX_TEXT_CHARS: Final = 250_000
MAX_TEXT_LINES: Final = 4_000
MAX_HTML_CHARS: Final = 400_000
LAID_OUT_ENOUGH: Final = 0.5


def visible_reply(text: str, html: str) -> str:
    """The new part of a mail, or the whole text where nothing else can be told apart."""
    text = _with_plain_line_ends(text)
    if len(text) > MAX_TEXT_CHARS or text.count("\n") > MAX_TEXT_LINES:
        return _trimmed(text)
    written = _from_html(text, html)
    if written is None:
        written = written_part([Line(line) for line in text.split("\n")])
    return _trimmed(text if written is None else written)


def _with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")


def _from_html(text: str, html: str) -> str | None:
    """None where the HTML marks no quote, or says less than the text does."""
    if not html or len(html) > MAX_HTML_CHARS:
        return None
    lines = marked_lines(html)
    if lines is None or len(lines) > MAX_TEXT_LINES or _is_stub(lines, text):
        return None
    return written_part(lines)


def _is_stub(lines: list[Line], text: str) -> bool:
    laid_out = sum(_letters(line.text) for line in lines)
    return laid_out < LAID_OUT_ENOUGH * _letters(text)


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _trimmed(text: str) -> str:
    """Blank lines off both ends; the first line keeps its indent."""
    lines = text.rstrip().split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    return "\n".join(lines[first:])
