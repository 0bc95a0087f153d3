"""HTML of strangers, made harmless each time it is shown.

Three walls, each enough by itself: only listed elements, attributes and styles are left; the
page's own policy loads nothing but our images; and the frame around it is sandboxed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import nh3
from django.core import signing
from django.urls import reverse

from conversations.models import FileState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from conversations.models import Entry

SALT = "inline-image"
REMOTE_SALT = "remote-picture"
TAGS = frozenset(
    [
        "a",
        "abbr",
        "address",
        "article",
        "b",
        "bdi",
        "bdo",
        "blockquote",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "font",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "main",
        "mark",
        "nav",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "section",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "wbr",
    ]
)
DROPPED_WHOLE = frozenset({"script", "style", "title", "head", "template", "svg", "noscript"})
SIZES = {"width", "height", "align", "valign", "bgcolor"}
ATTRIBUTES = {
    "*": {"style", "dir", "lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "font": {"color", "size", "face"},
    "table": {*SIZES, "border", "cellpadding", "cellspacing"},
    "td": {*SIZES, "colspan", "rowspan"},
    "th": {*SIZES, "colspan", "rowspan"},
    "tr": SIZES,
    "div": {"align"},
    "p": {"align"},
    "ol": {"start", "type"},
}
STYLES = frozenset(
    [
        "color",
        "background-color",
        "font-family",
        "font-size",
        "font-style",
        "font-weight",
        "text-align",
        "text-decoration",
        "text-indent",
        "text-transform",
        "line-height",
        "letter-spacing",
        "vertical-align",
        "white-space",
        "word-break",
        "padding",
        "padding-top",
        "padding-right",
        "padding-bottom",
        "padding-left",
        "border",
        "border-top",
        "border-right",
        "border-bottom",
        "border-left",
        "border-color",
        "border-style",
        "border-width",
        "border-radius",
        "border-collapse",
        "border-spacing",
        "width",
        "max-width",
        "min-width",
        "height",
        "margin",
        "margin-top",
        "margin-right",
        "margin-bottom",
        "margin-left",
        "list-style-type",
        "direction",
    ]
)
LONGEST_ADDRESS = 2000
# Tags of formulas go before cleaning, which would take the letters in them along.
FORMULA = re.compile(
    r"</?(?:math|semantics|m(?:row|i|o|n|s|text|space|enclose|frac|sqrt|root|style|padded|phantom"
    r"|su[bp]|subsup|under|over|underover|table|tr|td|error))\b[^<>]*>",
    re.IGNORECASE,
)
LINKS = ("http://", "https://", "mailto:", "tel:")
PICTURES = ("data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp")


def cleaned(html: str, entry: Entry, *, remote: bool = False) -> str:
    """The harmless part of a message's HTML, with its own images; with `remote` those of other
    servers as well, through ours."""
    return harmless(html, _images(entry), remote=remote)


def harmless(html: str, images: Mapping[str, str], *, remote: bool = False) -> str:
    """The same for HTML of whatever else; `images` are addresses by Content-ID."""

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "src":
            return _source(value, images, remote=remote)
        if attribute == "href":
            return value if value.strip().lower().startswith(LINKS) else None
        if attribute == "style" and any(word in value.lower() for word in ("(", "\\", "@", "/*")):
            return _without_calls(value)
        return value

    return nh3.clean(
        FORMULA.sub("", html),
        tags=set(TAGS),
        clean_content_tags=set(DROPPED_WHOLE),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=keep,
        filter_style_properties=set(STYLES),
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def policy(request: HttpRequest) -> str:
    """What the page of a stranger's HTML may load: images by our signed addresses, nothing else."""
    images = " ".join(
        request.build_absolute_uri(reverse(name, args=["x"]))[: -len("x/")]
        for name in ("conversations:inline", "pictures:remote")
    )
    return (
        f"default-src 'none'; img-src {images} data:; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )


def image_url(public_id: object) -> str:
    """A short-lived address of an image: the sandboxed frame sends no cookie."""
    return reverse("conversations:inline", args=[signing.dumps(str(public_id), salt=SALT)])


def _images(entry: Entry) -> dict[str, str]:
    stored = entry.attachments.filter(state=FileState.STORED).exclude(content_id="")
    return {file.content_id.strip("<>"): image_url(file.public_id) for file in stored}


def _source(value: str, images: Mapping[str, str], *, remote: bool) -> str | None:
    """The address of an image: one of the message's own, or of ours for one elsewhere."""
    start = value.strip().lower()
    if start.startswith("cid:"):
        return images.get(unquote(value.strip()[4:]).strip("<>"))
    if remote and start.startswith(("http://", "https://")):
        token = signing.dumps(value.strip()[:LONGEST_ADDRESS], salt=REMOTE_SALT)
        return reverse("pictures:remote", args=[token])
    return value if start.startswith(PICTURES) else None


def _without_calls(style: str) -> str:
    """Declarations that call nothing: no url(), no escapes; colours may be functions."""
    parts = [part for part in style.split(";") if _is_plain(part)]
    return ";".join(parts)


def _is_plain(part: str) -> bool:
    value = part.lower()
    for colour in ("rgb(", "rgba(", "hsl(", "hsla("):
        value = value.replace(colour, "")
    return not any(word in value for word in ("(", "\\", "@", "/*"))
