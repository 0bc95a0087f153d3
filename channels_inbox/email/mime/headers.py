"""One header value: safe single-line text, encoded words, parameters (RFC 2231), ids, dates."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from typing import Final
from urllib.parse import unquote_to_bytes

from channels_inbox.email.mime import charsets
from channels_inbox.email.mime.limits import MAX_FILENAME_CHARS

# Payload and label are bounded so that a header full of "=?a?q?" stays linear.
ENCODED_WORD: Final = re.compile(
    r"=\?(?P<charset>[^?\s]{1,60})\?(?P<kind>[bBqQ])\?(?P<payload>.{0,3000}?)(?:\?=|\Z)", re.DOTALL
)
# Direction overrides, isolates and zero-width characters make one name look like another.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Joiners are needed inside Indic and Arabic words and emoji, and nowhere else.
_STRAY_JOINER: Final = re.compile(
    "(?<![\u0600-\u1aff\u2190-\u2bff\ufb50-\ufeff\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]"
    "|[\u200c\u200d](?![\u0600-\u1aff\u2190-\u2bff\ufb50-\ufeff\U0001f000-\U0001faff])"
)
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_SPACE: Final = re.compile(r"\s+")
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]")
_Q_ESCAPE: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
_PARAMETER: Final = re.compile(
    r""";\s*(?P<name>[^\s=;"]{1,100})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)(?:"|\Z)|(?P<bare>[^;]*))""",
    re.DOTALL,
)
_UNSEPARATED_PARAMETER: Final = re.compile(r"\s(?=[\w*-]{1,40}=)")
_SECTION: Final = re.compile(r"(?P<name>[^*]+)(?:\*(?P<index>\d{1,3}))?(?P<encoded>\*)?")
_TYPE: Final = re.compile(r"\s*([\w.+-]{1,60})\s*/\s*([\w.+-]{1,100})", re.ASCII)
_UNIX_EPOCH_YEAR: Final = 1970
_MESSAGE_ID: Final = re.compile(r"<([^<>]{1,998})>")


def clean_line(text: str) -> str:
    """One safe line: no line ends, control, direction or needless invisible characters."""
    text = _STRAY_JOINER.sub("", _INVISIBLE.sub("", _CONTROL.sub("", text)))
    return _SPACE.sub(" ", text).strip()


def unfold(raw: bytes) -> str:
    """The text of a raw header value, folds removed, encoded words left as they are."""
    joined = re.sub(rb"\r*\n", b"", raw)
    return joined.decode("ascii") if joined.isascii() else charsets.decode(joined)


def decode_text(raw: bytes) -> str:
    """The readable, safe text of an unstructured header such as Subject."""
    return clean_line(decode_words(unfold(raw)))


@dataclass(frozen=True, slots=True)
class _Word:
    """A decoded transfer encoding, its character set still to be applied."""

    charset: str
    data: bytes


def decode_words(text: str) -> str:
    """`text` with its encoded words read; characters split over adjacent words are rejoined."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    pending: _Word | None = None
    for piece in _words_and_text(text):
        if isinstance(piece, str):
            pieces += [_text_of(pending), piece]
            pending = None
        elif pending is not None and pending.charset == piece.charset:
            pending = _Word(piece.charset, pending.data + piece.data)
        else:
            pieces.append(_text_of(pending))
            pending = piece
    pieces.append(_text_of(pending))
    return "".join(pieces)


def _text_of(word: _Word | None) -> str:
    return "" if word is None else charsets.decode(word.data, word.charset)


def _words_and_text(text: str) -> Iterator[_Word | str]:
    position = 0
    for match in ENCODED_WORD.finditer(text):
        between = text[position : match.start()]
        if between and (between.strip() or position == 0):
            yield between
        yield _word(match)
        position = match.end()
    if rest := text[position:]:
        yield rest


def _word(match: re.Match[str]) -> _Word:
    charset = match["charset"].split("*")[0].lower()
    if match["kind"] in "bB":
        return _Word(charset, _base64_word(match["payload"]))
    payload = match["payload"].replace("_", " ").encode("utf-8", "surrogateescape")
    return _Word(charset, _Q_ESCAPE.sub(lambda hexa: bytes([int(hexa[1], 16)]), payload))


def _base64_word(payload: str) -> bytes:
    digits = _NOT_BASE64.sub("", payload)
    usable = digits[:-1] if len(digits) % 4 == 1 else digits
    try:
        return base64.b64decode(usable + "=" * (-len(usable) % 4))
    except binascii.Error:
        return payload.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class ContentHeader:
    """A Content-Type or Content-Disposition: lower-case `value`, parameters by lower-case name."""

    value: str
    parameters: dict[str, str]


def content_header(raw: bytes) -> ContentHeader:
    """Read a header with parameters. Unreadable parameters are left out, never raised."""
    text = unfold(raw)
    if ";" not in text:
        text = _UNSEPARATED_PARAMETER.sub(";", text)
    value = clean_line(text.partition(";")[0]).lower()
    return ContentHeader(value, _parameters(text))


def content_type(header: ContentHeader, default: str) -> str:
    """`type/subtype`, lower-case, or `default` where the header holds no such thing."""
    match = _TYPE.match(header.value)
    return f"{match[1]}/{match[2]}" if match else default


def _parameters(text: str) -> dict[str, str]:
    """Parameters by name; RFC 2231 continuations joined, encoded words read."""
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bool, str]]] = {}
    for match in _PARAMETER.finditer(text):
        value = _parameter_value(match)
        section = _SECTION.fullmatch(match["name"].lower())
        if section is None or not (section["index"] or section["encoded"]):
            plain.setdefault(match["name"].lower(), _readable(match["name"].lower(), value))
            continue
        parts = sections.setdefault(section["name"], {})
        parts.setdefault(int(section["index"] or 0), (bool(section["encoded"]), value))
    return plain | {name: _joined(parts) for name, parts in sections.items()}


def _readable(name: str, value: str) -> str:
    """A boundary is matched byte for byte; every other value is made safe to show."""
    return value.rstrip() if name == "boundary" else clean_line(decode_words(value))


def _parameter_value(match: re.Match[str]) -> str:
    if match["quoted"] is None:
        return match["bare"].strip()
    return re.sub(r"\\([\"\\])", r"\1", match["quoted"])


def _joined(parts: dict[int, tuple[bool, str]]) -> str:
    """One value of RFC 2231 sections `{index: (percent-encoded, text)}`."""
    charset = ""
    data = b""
    for position, index in enumerate(sorted(parts)):
        encoded, value = parts[index]
        if encoded and position == 0 and value.count("'") >= 2:
            charset, _, value = value.split("'", 2)
        raw = value.encode("utf-8", "surrogateescape")
        data += unquote_to_bytes(raw) if encoded else raw
    return clean_line(decode_words(charsets.decode(data, charset or "utf-8")))


def safe_filename(name: str) -> str:
    """The last path part of `name`, one visible line, at most 255 characters, extension kept."""
    last = re.split(r"[/\\]", clean_line(name))[-1].strip(" ")
    if last in {".", ".."}:
        return ""
    if len(last) <= MAX_FILENAME_CHARS:
        return last
    stem, dot, extension = last.rpartition(".")
    if not dot or len(extension) > 20:
        return last[:MAX_FILENAME_CHARS]
    return stem[: MAX_FILENAME_CHARS - len(extension) - 1] + dot + extension


def parse_date(raw: bytes) -> datetime | None:
    """The time a Date header names, aware (UTC where no zone is given), or None."""
    try:
        fields = parsedate_tz(clean_line(unfold(raw))[:200])
        if fields is None or fields[0] < _UNIX_EPOCH_YEAR:
            return None
        local = datetime(*fields[:6], tzinfo=UTC)
        offset = fields[9] or 0
        if abs(offset) >= 24 * 3600:
            return local
        return _at_offset(local, offset)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _at_offset(local: datetime, offset_seconds: int) -> datetime:
    return local.replace(tzinfo=timezone(timedelta(seconds=offset_seconds)))


def message_ids(raw: bytes) -> tuple[str, ...]:
    """Every Message-ID in a header, in order, without angle brackets, each once."""
    text = unfold(raw)
    found = _MESSAGE_ID.findall(text)
    if not found:
        found = [word for word in text.replace(",", " ").split() if "@" in word or len(word) > 8]
    cleaned = (re.sub(r"\s+", "", clean_line(one)).strip("<>") for one in found)
    return tuple(dict.fromkeys(one for one in cleaned if one))
