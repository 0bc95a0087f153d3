"""What visitors type, made fit to be kept: bounded, and without characters that deceive."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MAX_TEXT: Final = 10_000
MAX_NAME: Final = 100
MAX_PAGE: Final = 2000

# Direction marks, zero-width characters and controls: with them a name can look like another one.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_NUL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def text(value: object) -> str:
    """A message: line ends as they are, no control characters."""
    return _NUL.sub("", value).strip() if isinstance(value, str) else ""


def line(value: object, limit: int = MAX_NAME) -> str:
    """A name or an answer: one line, without hidden characters."""
    if not isinstance(value, str):
        return ""
    return " ".join(_HIDDEN.sub("", _NUL.sub("", value)).split())[:limit]


def address(value: object) -> str:
    """A mail address in lower case, or '' for what can't be one."""
    told = line(value, 254).lower()
    try:
        validate_email(told)
    except ValidationError:
        return ""
    return told


def page(value: object) -> str:
    """The address of the page a visitor is on, without what may be secret in it; '' for another
    kind of address."""
    told = line(value, MAX_PAGE)
    try:
        parts = urlsplit(told)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


def language(value: object) -> str:
    told = line(value, 10).lower()
    return told if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,6})?", told) else ""


def uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) and len(value) <= 40 else None
    except ValueError:
        return None
