"""Reading headers of mail that may be broken or hostile: always text, never an exception."""

import re
import unicodedata
from email.message import Message
from itertools import filterfalse, islice

from channels_inbox.email.mime.headers import decode_text

_MAX_HEADERS = 2_000
_MAX_HEADER_CHARS = 4_000
_MAX_LINE_CHARS = 1_000

# Every repetition is bounded, so scanning stays linear however long the input is.
ADDRESS_PATTERN = r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,10}[\w-]{2,63}"
ADDRESS = re.compile(ADDRESS_PATTERN)

_WITHOUT_DECOMPOSITION = str.maketrans("đłøı\u2019", "dloi'")
_SPACES = re.compile(r"\s+")


def header_values(message: Message, name: str) -> list[str]:
    """Every value of a header, decoded, white space collapsed."""
    return [_decoded(value) for value in _raw_values(message, name)]


def header(message: Message, name: str) -> str:
    values = header_values(message, name)
    return values[0] if values else ""


def has_header(message: Message, name: str) -> bool:
    return bool(_raw_values(message, name))


def header_names(message: Message) -> list[str]:
    """Lower-case names of the headers, repeated ones repeated."""
    return [str(name).lower() for name, _ in islice(message.raw_items(), _MAX_HEADERS)]


def sender_address(message: Message) -> str:
    return first_address(header(message, "From"))


def first_address(text: str) -> str:
    found = ADDRESS.search(text)
    return found.group().lower() if found else ""


def addresses_in(text: str) -> list[str]:
    return [found.lower() for found in ADDRESS.findall(text)]


def has_null_return_path(message: Message) -> bool:
    """The envelope sender was `<>`: a notification nobody may answer (RFC 5321, 4.5.5)."""
    paths = header_values(message, "Return-Path")
    return bool(paths) and paths[0].strip("<> ").lower() in {"", "mailer-daemon"}


def content_type(part: Message) -> str:
    return part.get_content_type().lower()


def report_type(message: Message) -> str:
    """What a multipart/report reports: delivery-status, feedback-report, ..."""
    if content_type(message) != "multipart/report":
        return ""
    found = re.search(r"report-type\s?=\s?\"?([\w-]+)", header(message, "Content-Type"), re.I)
    return found.group(1).lower() if found else ""


def fold(text: str) -> str:
    """Lower case, no accents, single spaces: how phrases are compared across languages."""
    if text.isascii():
        return _SPACES.sub(" ", text.lower()).strip()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(filterfalse(unicodedata.combining, decomposed))
    return _SPACES.sub(" ", bare.translate(_WITHOUT_DECOMPOSITION)).strip()


def lines_of(text: str) -> list[str]:
    """Lines cut to a length that keeps each rule applied to them cheap."""
    return [line[:_MAX_LINE_CHARS] for line in re.split(r"\r\n|\r|\n", text)]


def _raw_values(message: Message, name: str) -> list[str]:
    """Asked some forty times of each mail, and mostly in vain."""
    wanted, first = name.lower(), islice(message.raw_items(), _MAX_HEADERS)
    return [str(value) for field, value in first if str(field).lower() == wanted]


def _decoded(raw: str) -> str:
    """The stdlib parser smuggles 8-bit header bytes through as lone surrogates."""
    raw = raw[:_MAX_HEADER_CHARS]
    try:
        return decode_text(raw.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return decode_text(raw.encode("utf-8", "replace"))
