"""How LINE signs a call: base64 of the HMAC-SHA256 of the raw bytes with the channel secret."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from channels_inbox.calls import key_of, must_match

if TYPE_CHECKING:
    from channels_inbox.calls import Call


def verify(call: Call, secret: str) -> None:
    """`secret` is the channel secret. Raises Refused."""
    right = base64.b64encode(hmac.digest(key_of(secret), call.body, "sha256")).decode()
    must_match(call.header("X-Line-Signature"), right)
