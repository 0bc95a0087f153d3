"""The token that names a ticket in mail we send: in the plus-address and in our Message-IDs.

Exactly 39 characters of lower-case base32: one that tells the key, the ticket's twelve random ones,
and 26 of a 128-bit MAC over both. There is no other form: a token that doesn't check is no token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from conversations.models import Ticket

ID_LENGTH: Final = 12
LENGTH: Final = 39
MAX_LOCAL_PART: Final = 64

_TOKEN: Final = re.compile(r"[a-z2-7]{39}")
_IN_ADDRESS: Final = re.compile(r"[^+@\s]{1,64}\+([a-z2-7]{39})@", re.IGNORECASE)
_IN_MESSAGE_ID: Final = re.compile(r"([a-z2-7]{39})\.[0-9a-f]{32}@", re.IGNORECASE)


def make(ticket: Ticket) -> str:
    """The ticket's token under the newest key."""
    return _token(settings.REPLY_TOKEN_KEYS[0], ticket.token_id)


def check(token: str) -> str | None:
    """The ticket's `token_id`, or None for a token none of our keys made."""
    if not _TOKEN.fullmatch(token):
        return None
    token_id = token[1 : 1 + ID_LENGTH]
    genuine = [
        hmac.compare_digest(token, _token(key, token_id)) for key in settings.REPLY_TOKEN_KEYS
    ]
    return token_id if any(genuine) else None


def plus_address(address: str, token: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}+{token}@{domain}"


def leaves_room(address: str) -> bool:
    """Whether the local part with a token stays within the 64 octets of RFC 5321."""
    local = address.rpartition("@")[0]
    return len(local.encode()) + 1 + LENGTH <= MAX_LOCAL_PART


def message_id(ticket: Ticket, client_token: UUID, domain: str) -> str:
    """The Message-ID (without brackets) of the message with this client token: always the same."""
    return f"{make(ticket)}.{client_token.hex}@{domain}"


def in_addresses(addresses: Iterable[str]) -> list[str]:
    """The `token_id`s of genuine tokens in plus-addresses, in order, each once."""
    return _genuine(_IN_ADDRESS, addresses)


def in_message_ids(names: Iterable[str]) -> list[str]:
    """The `token_id`s of genuine tokens in Message-IDs, in order, each once."""
    return _genuine(_IN_MESSAGE_ID, names)


def _genuine(pattern: re.Pattern[str], candidates: Iterable[str]) -> list[str]:
    matches = (pattern.match(candidate) for candidate in candidates)
    checked = (check(match[1].lower()) for match in matches if match)
    return list(dict.fromkeys(one for one in checked if one))


def _token(key: str, token_id: str) -> str:
    named = _key_id(key) + token_id
    mac = hmac.digest(key.encode(), f"reply-token:{named}".encode(), "sha256")[:16]
    return named + _base32(mac)


def _key_id(key: str) -> str:
    """One character of the key's digest, so that it stays the same when keys change places."""
    return _base32(hashlib.sha256(b"reply-token-key:" + key.encode()).digest())[0]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()
