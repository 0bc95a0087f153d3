"""HTML to readable text: laid out where that is cheap, else stripped of tags in linear time."""

from __future__ import annotations

import html
import re
from typing import Final

from inscriptis import get_text  # type: ignore[import-untyped]
from inscriptis.css_profiles import CSS_PROFILES  # type: ignore[import-untyped]
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]

from channels_inbox.email.mime.limits import MAX_LAID_OUT_HTML_CHARS

_LAYOUT: Final = ParserConfig(css=CSS_PROFILES["strict"])
_MAX_TAGS: Final = 30_000
# Tables in tables cost the layout engine quadratic time and memory.
_MAX_TABLES: Final = 1_000
_UNSEEN: Final = ("script", "style", "head", "title", "template", "noscript", "xml")
_COMMENT_MARKS: Final = (("<!--", "-->"), ("<![", "]>"))
_BREAK: Final = re.compile(
    r"<(?:br|/?(?:p|div|tr|table|li|ul|ol|h[1-6]|blockquote|pre|section|article|hr))\b[^<>]{0,4000}>",
    re.IGNORECASE,
)
_TAG: Final = re.compile(r"</?[a-zA-Z!?][^<>]{0,4000}>")
_SPACES: Final = re.compile(r"[ \t\r\f\v]+")
_BLANK_LINES: Final = re.compile(r"\n[ \n]*\n")
_LESS_THAN: Final = "\x01"
_ENOUGH_OF_STRIPPED: Final = 0.5


def text_of_html(source: str) -> str:
    """The text a reader of `source` sees. Never raises, linear in the size of `source`."""
    source = source.replace("\x00", "")
    if _is_cheap(source):
        laid_out = _laid_out(source)
        # libxml2 silently drops what is nested too deep; then the plain way shows more.
        if laid_out.strip() and not _lost_much(laid_out, source):
            return laid_out
    return stripped(source)


def _is_cheap(source: str) -> bool:
    return (
        len(source) <= MAX_LAID_OUT_HTML_CHARS
        and source.count("<") <= _MAX_TAGS
        and source.lower().count("<table") <= _MAX_TABLES
    )


def _laid_out(source: str) -> str:
    try:
        text = get_text(source, _LAYOUT)
    except Exception:  # whatever the layout engine trips over, the linear way is left
        return ""
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def _lost_much(laid_out: str, source: str) -> bool:
    visible = sum(map(str.isalnum, laid_out))
    return visible < _ENOUGH_OF_STRIPPED * sum(map(str.isalnum, stripped(source)))


def stripped(source: str) -> str:
    """Tags removed, block ends turned into line ends, entities read. Linear."""
    # A run of "<" opens no tags, and would be tried as one by every pattern below.
    source = source.replace(_LESS_THAN, "").replace("<<", _LESS_THAN * 2)
    text = _without_unseen(_without_comments(source))
    text = _TAG.sub("", _BREAK.sub("\n", _SPACES.sub(" ", text.replace("\n", " "))))
    text = html.unescape(text.replace(_LESS_THAN, "<")).replace("\xa0", " ")
    return _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", text)).strip()


def _without_comments(source: str) -> str:
    for opening, closing in _COMMENT_MARKS:
        source = _without_spans(source, re.escape(opening), re.escape(closing))
    return source


def _without_unseen(source: str) -> str:
    for name in _UNSEEN:
        source = _without_spans(source, rf"<{name}\b", rf"</{name}\s{{0,9}}>")
    return source


def _without_spans(source: str, opening: str, closing: str) -> str:
    """`source` without what lies from `opening` to `closing`; what is never closed is left in."""
    opens = re.compile(opening, re.IGNORECASE)
    closes = re.compile(closing, re.IGNORECASE)
    kept: list[str] = []
    position = 0
    while opened := opens.search(source, position):
        closed = closes.search(source, opened.end())
        if closed is None:
            break
        kept.append(source[position : opened.start()])
        position = closed.end()
    return "".join(kept) + source[position:]
