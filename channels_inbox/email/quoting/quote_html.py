"""Reads from HTML which parts mail programs marked as quoted, and lays it out as lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from inscriptis import Inscriptis  # type: ignore[import-untyped]
from inscriptis.css_profiles import CSS_PROFILES  # type: ignore[import-untyped]
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]
from lxml import etree, html  # type: ignore[import-untyped]

from channels_inbox.email.quoting.quote_headers import starts_forward
from channels_inbox.email.quoting.quotes import reads_as_attribution
from channels_inbox.email.quoting.reply_lines import Line, Mark

Element = Any

MAX_TAGS: Final = 6_000
MAX_TABLES: Final = 300
MAX_ATTRIBUTION_CHARS: Final = 400
MAX_HEADER_CHARS: Final = 3_000
LINE_BREAKS: Final = frozenset({"br", "div", "p", "blockquote", "table", "hr"})
MAX_STYLE_CHARS: Final = 1_000

QUOTED_CLASSES: Final = ("yahoo_quoted", "tutanota_quote", "missive_quote", "front-blockquote")
QUOTED_CLASSES_AROUND_BLOCKQUOTE: Final = (
    *("gmail_quote", "protonmail_quote", "zmail_extra", "gmail_extra_quote", "hey_quote"),
)
ATTRIBUTION_CLASSES: Final = ("moz-cite-prefix", "gmail_attr", "airmail_on", "airmail_ext_on")
ATTRIBUTION_IDS: Final = ("reply-intro",)
HISTORY_IDS: Final = (
    *("divrplyfwdmsg", "olk_src_body_section", "stopspelling", "zwchr", "isreplycontent"),
    *("mail-editor-reference-message-container", "ms-outlook-mobile-reference-message"),
)
HISTORY_CLASSES: Final = ("ms-outlook-mobile-reference-message", "zm_quote_header")
HISTORY_ZIMBRA: Final = frozenset({"__DIVIDER__", "__HEADERS__", "__QUOTED_TEXT__"})
SIGNATURE_CLASSES: Final = (
    *("gmail_signature", "gmail_signature_prefix", "moz-signature", "yahoo-signature"),
    *("protonmail_signature_block", "zm_signature"),
)
SIGNATURE_IDS: Final = ("ms-outlook-mobile-signature", "ymail_android_signature")

BORDER_ABOVE: Final = re.compile(r"border-top(?:-style)?:[^;]{0,60}solid", re.IGNORECASE)
INDENT_ONLY: Final = re.compile(r"border(?:-width)?:(?:none|0)", re.IGNORECASE)
DECLARATION: Final = re.compile(r"^\s*<\?xml [^>]{0,200}>")
LAYOUT: Final = ParserConfig(css=CSS_PROFILES["strict"])

# Private-use characters, removed from the input first, so no mail can forge them.
OPEN: Final = {
    Mark.QUOTE: "\ue0f0",
    Mark.MAYBE_QUOTE: "\ue0f1",
    Mark.ATTRIBUTION: "\ue0f2",
    Mark.SIGNATURE: "\ue0f3",
}
CLOSE: Final = "\ue0f8"
HISTORY_FOLLOWS: Final = "\ue0f9"
MARK_OF: Final = {character: mark for mark, character in OPEN.items()}
SENTINEL: Final = re.compile("[\ue0f0-\ue0f9]")


def marked_lines(source: str) -> list[Line] | None:
    """The text of `source` line by line; None where it marks nothing or cannot be laid out."""
    if source.count("<") > MAX_TAGS or source.lower().count("<table") > MAX_TABLES:
        return None
    try:
        root = html.document_fromstring(SENTINEL.sub("", DECLARATION.sub("", source)))
        if not _mark(root):
            return None
        laid_out = Inscriptis(root, LAYOUT).get_text()
    except (etree.LxmlError, ValueError, RecursionError, IndexError, AssertionError):
        return None
    return list(_lines(laid_out))


def _mark(root: Element) -> bool:
    marked = False
    for element in [e for e in root.iter() if isinstance(e.tag, str)]:
        marked = _mark_element(element) or marked
    return marked


def _mark_element(element: Element) -> bool:
    """Puts sentinels around or before `element` where its markup tells its role."""
    identity = (element.get("id") or "").lower().removeprefix("x_")
    classes = (element.get("class") or "").lower().split()
    if _is_history(element, identity, classes):
        _insert_before(element, HISTORY_FOLLOWS)
    elif identity in ATTRIBUTION_IDS or _has_class(classes, ATTRIBUTION_CLASSES):
        if starts_forward(_first_line(element)):
            return False
        _surround(element, Mark.ATTRIBUTION)
    elif identity in SIGNATURE_IDS or _has_class(classes, SIGNATURE_CLASSES):
        _surround(element, Mark.SIGNATURE)
    elif element.tag == "blockquote":
        return _mark_blockquote(element, classes)
    elif _has_class(classes, QUOTED_CLASSES):
        _surround(element, Mark.QUOTE)
    elif _has_class(classes, QUOTED_CLASSES_AROUND_BLOCKQUOTE):
        return _mark_container(element)
    else:
        return False
    return True


def _has_class(classes: list[str], wanted: tuple[str, ...]) -> bool:
    """Yahoo puts a random prefix before its class names."""
    return any(name in wanted or ("ydp" in name and name.endswith(wanted)) for name in classes)


def _is_history(element: Element, identity: str, classes: list[str]) -> bool:
    if identity in HISTORY_IDS or _has_class(classes, HISTORY_CLASSES):
        return True
    if element.get("data-marker") in HISTORY_ZIMBRA:
        return True
    return bool(BORDER_ABOVE.search(_style(element))) and _begins_with_labels(element)


def _style(element: Element) -> str:
    return "".join((element.get("style") or "")[:MAX_STYLE_CHARS].split())


def _begins_with_labels(element: Element) -> bool:
    """Outlook draws a line above the header block: two or more bold `Word:`, in any language."""
    bold = [_text(b).strip() for b in element.iter("b", "strong")][:4]
    labels = [text for text in bold if 1 < len(text) < 30 and text.rstrip().endswith((":", "："))]
    return len(labels) >= 2 and _text(element).strip().startswith(labels[0])


def _mark_blockquote(element: Element, classes: list[str]) -> bool:
    if INDENT_ONLY.search(_style(element)) and element.get("type") != "cite":
        return False
    program_made = element.get("type") == "cite" or (
        _has_class(classes, QUOTED_CLASSES_AROUND_BLOCKQUOTE) and _is_in_container(element)
    )
    _surround(element, Mark.QUOTE if program_made else Mark.MAYBE_QUOTE)
    return True


def _is_in_container(element: Element) -> bool:
    for parent in element.iterancestors("div", "blockquote"):
        classes = (parent.get("class") or "").lower().split()
        if _has_class(classes, QUOTED_CLASSES_AROUND_BLOCKQUOTE):
            return True
    return False


def _mark_container(element: Element) -> bool:
    """A container holds an attribution, quotes, and the answers typed between the quotes."""
    if starts_forward(_first_line(element)):
        return False
    quote = next((e for e in element.iter("blockquote") if e is not element), None)
    if quote is None:
        _surround(element, Mark.QUOTE)
        return True
    above = _text_above(element, quote)
    if 0 < len(above) <= MAX_ATTRIBUTION_CHARS and reads_as_attribution(above, above_quote=True):
        _insert_first(element, OPEN[Mark.ATTRIBUTION])
        _insert_before(quote, CLOSE)
    return True


def _first_line(element: Element) -> str:
    line = ""
    for node in element.iter():
        if line.strip() and (node.tag in LINE_BREAKS or len(line) > MAX_HEADER_CHARS):
            break
        if isinstance(node.tag, str):
            line += node.text or ""
        if node is not element and len(node) == 0:
            line += node.tail or ""
    return line.strip()


def _text(element: Element) -> str:
    return "".join(_some_text(element))


def _some_text(element: Element) -> Iterator[str]:
    length = 0
    for piece in element.itertext("*"):
        yield piece
        length += len(piece)
        if length > MAX_HEADER_CHARS:
            return


def _text_above(container: Element, element: Element) -> str:
    pieces = [container.text or ""]
    length = 0
    for node in container.iterdescendants():
        if node is element or length > MAX_ATTRIBUTION_CHARS:
            break
        if isinstance(node.tag, str):
            pieces.append(node.text or "")
        pieces.append(node.tail or "")
        length += len(pieces[-1]) + len(pieces[-2])
    return " ".join("".join(pieces).split())


def _sentinel(character: str) -> Element:
    element = etree.Element("div")
    element.text = character
    return element


def _surround(element: Element, mark: Mark) -> None:
    _insert_first(element, OPEN[mark])
    element.append(_sentinel(CLOSE))


def _insert_first(element: Element, character: str) -> None:
    sentinel = _sentinel(character)
    sentinel.tail, element.text = element.text, None
    element.insert(0, sentinel)


def _insert_before(element: Element, character: str) -> None:
    if element.getparent() is not None:
        element.addprevious(_sentinel(character))


def _lines(laid_out: str) -> Iterator[Line]:
    open_marks: list[Mark] = []
    for raw in laid_out.split("\n"):
        history = False
        for sentinel in SENTINEL.findall(raw):
            if sentinel == CLOSE:
                if open_marks:
                    open_marks.pop()
            elif sentinel == HISTORY_FOLLOWS:
                history = not _strongest(open_marks)
            else:
                open_marks.append(MARK_OF[sentinel])
        if history:
            yield Line("", Mark.HISTORY)
        text = SENTINEL.sub("", raw).rstrip()
        if text or not SENTINEL.search(raw):
            yield Line(text, _strongest(open_marks) or Mark.NONE)


def _strongest(open_marks: list[Mark]) -> Mark | None:
    """In a quote everything is quoted, whatever else is marked there."""
    if Mark.QUOTE in open_marks:
        return Mark.QUOTE
    return open_marks[0] if open_marks else None
