"""Markdown-lite as HTML for customers: emphasis, lists, links, code, quotes. No images, no raw
HTML."""

from __future__ import annotations

import re
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
# An address as people type it, without the punctuation that ends the sentence.
BARE: Final = re.compile(
    r"(?<!\]\()(?<![<\[\"'`=/\w])https?://[^\s<>\"'`\]]{1,2000}[^\s<>\"'`\].,;:!?)]"
)


def as_html(text: str, *, plain: bool = False, links: bool = False) -> str:
    """Clean HTML of a text; `plain` takes it letter by letter, as for what others wrote. With
    `links` it is for a page of ours: typed addresses are links, which open elsewhere."""
    if plain:
        html = f"<p>{_escaped(text, links=links).replace(chr(10), '<br>')}</p>"
    else:
        html = _markdown().render(BARE.sub(r"<\g<0>>", text) if links else text)
    targets = {"a": {"target": "_blank"}} if links else None
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow" if links else None,
        set_tag_attribute_values=targets,
    )


def _escaped(text: str, *, links: bool) -> str:
    if not links:
        return escape(text)
    parts, end = [], 0
    for match in BARE.finditer(text):
        address = escape(match[0])
        parts += [escape(text[end : match.start()]), f'<a href="{address}">{address}</a>']
        end = match.end()
    return "".join([*parts, escape(text[end:])])


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    return parser.disable(["image", "html_block", "html_inline"])
