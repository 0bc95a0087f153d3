"""Markdown-lite as HTML for mail: emphasis, lists, links, code, quotes. No images, no raw HTML."""

from __future__ import annotations

from functools import cache
from typing import Final

import nh3
from django.utils.html import escape
from markdown_it import MarkdownIt

TAGS: Final = {
    "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "hr", "li", "ol", "p", "pre", "strong",
    "ul",
}  # fmt: skip
ATTRIBUTES: Final = {"a": {"href"}, "ol": {"start"}}
SCHEMES: Final = {"http", "https", "mailto", "tel"}


def as_html(text: str, *, plain: bool = False) -> str:
    """Clean HTML of a text; `plain` takes it letter by letter, as for what others wrote."""
    if plain:
        return f"<p>{escape(text).replace(chr(10), '<br>')}</p>"
    html = _markdown().render(text)
    return nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=None)


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    return parser.disable(["image", "html_block", "html_inline"])
