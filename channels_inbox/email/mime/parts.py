"""The contents of a mail: its text, its HTML and its attachments, containers opened."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from channels_inbox.email.mime import charsets
from channels_inbox.email.mime.body_selection import Selection, body_type, select
from channels_inbox.email.mime.compressed_rtf import decompress_rtf
from channels_inbox.email.mime.headers import clean_line, decode_text, message_ids, safe_filename
from channels_inbox.email.mime.html_text import text_of_html
from channels_inbox.email.mime.limits import MAX_HTML_CHARS, MAX_TEXT_CHARS
from channels_inbox.email.mime.structure import Part
from channels_inbox.email.mime.tnef import NotTnef, TnefContent, TnefFile, read_tnef
from channels_inbox.email.mime.uuencoded import UuencodedFile, take_files

_TNEF_TYPES: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_UNKNOWN_TYPE: Final = "application/octet-stream"
_META_CHARSET: Final = re.compile(
    rb"<meta[^<>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?([\w:.-]{2,40})", re.IGNORECASE
)
_META_WITHIN_BYTES: Final = 4096
_NOT_TEXT: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attachment with its decoded content. `disposition` is `inline`, `attachment` or ''."""

    filename: str
    content_type: str
    content_id: str
    disposition: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Bodies:
    """Text and HTML of a mail; `problems` says what was cut."""

    text: str
    html: str
    problems: frozenset[str]


def read_bodies(root: Part) -> Bodies:
    """The bodies. Text comes from plain parts, else from the HTML. Never raises."""
    selection = select(root)
    markup = _markup(selection)
    text = _text(root, selection)
    if not text.strip() and markup.strip():
        text = text_of_html(markup)
    if not text.strip() and not markup:
        text, markup = _container_bodies(selection)
    problems = set()
    if len(text) > MAX_TEXT_CHARS:
        problems.add("text_too_long")
    if len(markup) > MAX_HTML_CHARS:
        problems.add("html_too_long")
    return Bodies(text[:MAX_TEXT_CHARS], markup[:MAX_HTML_CHARS], frozenset(problems))


def read_attachments(root: Part) -> Iterator[Attachment]:
    """Every attachment in document order, then files uuencoded into the text. Never raises."""
    selection = select(root)
    for part in selection.attachments:
        yield from _opened(part)
    for part in selection.text:
        if body_type(part) == "text/plain":
            yield from map(_uuencoded_attachment, take_files(part.content())[1])


def _text(root: Part, selection: Selection) -> str:
    texts = [_plain(_decoded(root.headers.stray, root))] if root.headers.stray else []
    for part in selection.text:
        if body_type(part) == "text/html":
            texts.append(text_of_html(_decoded(part.content(), part)))
        else:
            texts.append(_plain(_decoded(take_files(part.content())[0], part)))
    return "\n".join(texts)


def _markup(selection: Selection) -> str:
    """The HTML parts, with plain parts between them kept; '' where there is no HTML part."""
    if all(body_type(part) != "text/html" for part in selection.html):
        return ""
    pieces = []
    for part in selection.html:
        text = _decoded(part.content(), part)
        is_html = body_type(part) == "text/html"
        pieces.append(_plain(text) if is_html else f"<pre>{html.escape(_plain(text))}</pre>")
    return "\n".join(pieces)


def _decoded(content: bytes, part: Part) -> str:
    label = part.type.parameters.get("charset", "")
    if not charsets.is_known(label):
        meta = _META_CHARSET.search(content[:_META_WITHIN_BYTES])
        label = meta[1].decode("latin-1") if meta else ""
    return charsets.decode(content, label)


def _plain(text: str) -> str:
    """`\\n` line ends, and nothing that is no text."""
    return _NOT_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _opened(part: Part) -> Iterator[Attachment]:
    """The attachment of one part, or those inside where it is a TNEF container."""
    content = part.content()
    container = _container(part, content)
    if container is None:
        yield _attachment(part, content)
        return
    yield from map(_container_attachment, container.files)
    if container.compressed_rtf and not (container.text or container.html):
        rtf = decompress_rtf(container.compressed_rtf)
        yield Attachment("message.rtf", "application/rtf", "", "attachment", rtf)


def _filename(part: Part) -> str:
    stated = part.disposition.parameters.get("filename") or part.type.parameters.get("name", "")
    return safe_filename(stated)


def _container(part: Part, content: bytes) -> TnefContent | None:
    if part.content_type not in _TNEF_TYPES and _filename(part).lower() != "winmail.dat":
        return None
    try:
        container = read_tnef(content)
    except NotTnef:
        return None
    holds_any = container.files or container.text or container.html or container.compressed_rtf
    return container if holds_any else None


def _attachment(part: Part, content: bytes) -> Attachment:
    ids = message_ids(part.headers.first("content-id"))
    content_id = ids[0] if ids else decode_text(part.headers.first("content-id")).strip("<>")
    disposition = re.match("inline|attachment|", part.disposition.value)
    return Attachment(
        filename=_filename(part),
        content_type=part.content_type,
        content_id=content_id,
        disposition=disposition[0] if disposition else "",
        content=content,
    )


def _container_attachment(file: TnefFile) -> Attachment:
    return Attachment(
        filename=safe_filename(file.name),
        content_type=clean_line(file.content_type) or _UNKNOWN_TYPE,
        content_id=clean_line(file.content_id),
        disposition="attachment",
        content=file.content,
    )


def _uuencoded_attachment(file: UuencodedFile) -> Attachment:
    name = safe_filename(charsets.decode(file.name))
    return Attachment(name, _UNKNOWN_TYPE, "", "attachment", file.content)


def _container_bodies(selection: Selection) -> tuple[str, str]:
    """(text, HTML) out of the first TNEF container that holds any."""
    for part in selection.attachments:
        container = _container(part, part.content()) if not part.is_multipart else None
        if container and (container.text or container.html):
            markup = _plain(charsets.decode(container.html, container.code_page))
            return _plain(container.text) or text_of_html(markup), markup
    return "", ""
