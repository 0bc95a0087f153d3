"""A bounded look at a raw mail, for what the full parse doesn't tell or comes too late for."""

from __future__ import annotations

import re
from typing import Final

from channels_inbox.email.mime.addresses import read_addresses
from channels_inbox.email.mime.header_block import HeaderBlock, read_headers
from channels_inbox.email.mime.headers import decode_text

HEAD_BYTES: Final = 64 * 1024
MAX_FROM_BYTES: Final = 2_000
MAX_SUBJECT_BYTES: Final = 2_000
MAX_NAMES: Final = 20
SEARCHED_BYTES: Final = 2 * 1024 * 1024

ASKS_FOR_SILENCE: Final = ("x-auto-response-suppress", "list-id", "list-unsubscribe", "feedback-id")

_NO_REPLY: Final = re.compile(r"(?:mailer-daemon|postmaster|(?:no|do-?not)[-_.]?reply)\b")
_SOFT_BREAK: Final = re.compile(rb"=\r?\n")
_OUR_NAME: Final = re.compile(rb"([a-z2-7]{39}\.[0-9a-f]{32}@[A-Za-z0-9.-]{1,253})")
_DIAGNOSIS: Final = re.compile(
    rb"^Diagnostic-Code:[ \t]*([^\r\n]{1,500}(?:\r?\n[ \t][^\r\n]{1,200}){0,4})", re.I | re.M
)


def glance(raw: bytes) -> tuple[str, str]:
    """The first From address in lower case and the subject, '' where unreadable. Never raises."""
    try:
        headers = _headers(raw)
        found = read_addresses(headers.first("from")[:MAX_FROM_BYTES]).addresses
        subject = decode_text(headers.first("subject")[:MAX_SUBJECT_BYTES])
    except Exception:  # noqa: BLE001 - a glance that fails only puts the mail in the lane of nobody
        return "", ""
    return found[0].address.lower() if found else "", subject


def is_list_of(raw: bytes, addresses: frozenset[str]) -> bool:
    """Whether the mail comes through a list that *is* one of these addresses: a group mailbox."""
    headers = _headers(raw)
    posts = headers.first("list-post").decode("latin-1").lower()
    names = headers.first("list-id").decode("latin-1").lower()
    return any(
        f"mailto:{address}" in posts or f"<{address.replace('@', '.')}>" in names
        for address in addresses
    )


def expects_no_answer(raw: bytes) -> bool:
    """Whether the mail says, in one of the ways mail has for it, that no machine may answer it."""
    headers = _headers(raw)
    precedence = headers.first("precedence").strip().lower()
    return (
        precedence in (b"bulk", b"junk", b"list")
        or headers.first("return-path").replace(b" ", b"").strip() == b"<>"
        or any(headers.first(name).strip() for name in ASKS_FOR_SILENCE)
        or _NO_REPLY.match(glance(raw)[0]) is not None
    )


def our_names(raw: bytes) -> list[str]:
    """What looks like Message-IDs of ours anywhere in a delivery report, each once."""
    text = _SOFT_BREAK.sub(b"", raw[:SEARCHED_BYTES])
    found = (match[1].decode("ascii") for match in _OUR_NAME.finditer(text))
    return list(dict.fromkeys(found))[:MAX_NAMES]


def diagnosis(raw: bytes) -> str:
    """The first Diagnostic-Code of a delivery report, in one line, or ''."""
    match = _DIAGNOSIS.search(raw[:SEARCHED_BYTES])
    return " ".join(match[1].decode("utf-8", "replace").split()) if match else ""


def _headers(raw: bytes) -> HeaderBlock:
    top = raw[:HEAD_BYTES]
    return read_headers(top, 0, len(top), is_root=True)
