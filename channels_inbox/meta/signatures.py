"""How Meta signs a call: HMAC-SHA256 of the raw bytes with the app's secret. The SHA-1 signature
that comes beside it is not looked at."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from channels_inbox.calls import key_of, must_match

if TYPE_CHECKING:
    from channels_inbox.calls import Call


def verify(call: Call, secret: str) -> None:
    """`secret` is the app secret. Raises Refused."""
    right = hmac.digest(key_of(secret), call.body, "sha256").hex()
    must_match(call.header("X-Hub-Signature-256"), f"sha256={right}")
