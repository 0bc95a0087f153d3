"""How mail providers show that a call is theirs: two sign it, the others sign in."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from channels_inbox.base import Refused
from channels_inbox.calls import key_of, must_match, pairs

if TYPE_CHECKING:
    from channels_inbox.calls import Call


def signed_in(call: Call, secret: str) -> None:
    """`secret` is `user:password`, as in the address the provider was given. Raises Refused."""
    right = base64.b64encode(key_of(secret)).decode()
    scheme, _space, given = call.header("Authorization").partition(" ")
    if scheme.lower() != "basic":
        raise Refused
    must_match(given.strip(), right)


def mailersend(call: Call, secret: str) -> None:
    """Hex HMAC-SHA256 of the raw bytes. `secret` is the signing secret of the route."""
    must_match(call.header("Signature"), hmac.digest(key_of(secret), call.body, "sha256").hex())


def mandrill(call: Call, secret: str) -> None:
    """Base64 HMAC-SHA1 of the address and the sorted fields. `secret` is the webhook's key."""
    key = key_of(secret)
    try:
        fields = sorted(pairs(call.body))
        signed = (call.url + "".join(name + value for name, value in fields)).encode(
            "utf-8", "surrogateescape"
        )
    except ValueError:
        raise Refused from None
    digest = hmac.digest(key, signed, "sha1")
    must_match(call.header("X-Mandrill-Signature"), base64.b64encode(digest).decode())
