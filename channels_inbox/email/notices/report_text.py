"""The words of a delivery report, without the copy of the mail that it returns."""

import html as html_entities
import re
from email.message import Message

from channels_inbox.email.notices.bounce_formats import COPY_MARKER
from channels_inbox.email.notices.delivery_status import payload_text
from channels_inbox.email.notices.mail_headers import fold, lines_of

# Reports are short, and what follows is the returned mail: reading on costs time for nothing.
_MAX_CHARS = 30_000
_MAX_LINES = 2_000
_MAX_MARKER_CHARS = 160
# `[^<>]` rather than `[^>]`: a run of `<` must not make each of them scan to the end.
_TAG = re.compile(r"<[^<>]{0,2000}>")
_BREAKING_TAG = re.compile(r"<(?:br|p|div|tr|li|h\d)\b[^<>]{0,2000}>", re.I)
_BRACKETED_ADDRESS = re.compile(r"<([^<>@\s]{1,64}@[^<>@\s]{1,255})>")


class ReportText:
    """`words` is what the sender's software wrote; `has_copy` tells a mail is quoted below it."""

    def __init__(self, message: Message, text: str, html: str) -> None:
        lines = lines_of(_body(message, text, html)[:_MAX_CHARS])[:_MAX_LINES]
        end = next((i for i, line in enumerate(lines) if _starts_copy(line)), None)
        self.has_copy = end is not None
        self.words = "\n".join(lines[:end])
        self.folded = fold(self.words)


def _body(message: Message, text: str, html: str) -> str:
    if text.strip():
        return text
    if html.strip():
        return _plain(html[:_MAX_CHARS])
    return payload_text(message)


def _plain(html: str) -> str:
    with_breaks = _BREAKING_TAG.sub("\n", html)
    kept = _BRACKETED_ADDRESS.sub(r" \1 ", with_breaks)
    return html_entities.unescape(_TAG.sub(" ", kept))


def _starts_copy(line: str) -> bool:
    return bool(COPY_MARKER.search(fold(line[:_MAX_MARKER_CHARS])))
