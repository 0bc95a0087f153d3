"""A provider's call of one of our hooks, as it came in, and what all signatures of calls share."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from channels_inbox.base import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Call:
    """Nothing in it is true before its signature is checked. `url` is the whole address as the
    provider knows it, `now` in seconds since 1970."""

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    url: str = ""
    now: float = field(default_factory=time.time)

    def header(self, name: str) -> str:
        """A header's value, by its name in any case; "" where it isn't there."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")

    def query(self) -> list[tuple[str, str]]:
        """The parameters of the address, in their order. Raises ValueError."""
        return pairs(urlsplit(self.url).query)


def pairs(form: bytes | str, *, strict: bool = False) -> list[tuple[str, str]]:
    """The fields of a form or a query. Bytes that aren't UTF-8 survive as lone surrogates. Raises
    ValueError for more fields than any provider sends and, if `strict`, for what is no field."""
    written = form.decode("utf-8", "surrogateescape") if isinstance(form, bytes) else form
    return parse_qsl(
        written,
        keep_blank_values=True,
        strict_parsing=strict,
        errors="surrogateescape",
        max_num_fields=1000,
    )


def key_of(secret: str) -> bytes:
    """Raises Refused where no secret is set: then everybody could sign."""
    if not secret.strip():
        raise Refused
    return secret.encode("utf-8", "surrogatepass")


def must_match(given: str, *right: str) -> None:
    """Raises Refused unless `given` is one of these signatures. Takes the same time either way."""
    mine = given.encode("utf-8", "replace")
    found = [hmac.compare_digest(mine, one.encode("utf-8", "replace")) for one in right]
    if not any(found):
        raise Refused
