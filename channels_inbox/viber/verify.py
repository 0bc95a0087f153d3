"""How Viber signs a call: hex HMAC-SHA256 of the raw bytes with the bot's authentication token."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from channels_inbox.calls import key_of, must_match

if TYPE_CHECKING:
    from channels_inbox.calls import Call


def verify(call: Call, secret: str) -> None:
    """`secret` is the authentication token. Raises Refused."""
    right = hmac.digest(key_of(secret), call.body, "sha256").hex()
    must_match(call.header("X-Viber-Content-Signature"), right)
