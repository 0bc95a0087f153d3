"""How MessageBird signs a call: a JWT that holds hashes of the address and of the body."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import jwt

from channels_inbox.base import Refused
from channels_inbox.calls import key_of, must_match

if TYPE_CHECKING:
    from channels_inbox.calls import Call

ALGORITHMS: Final = ["HS256", "HS384", "HS512"]
ISSUER: Final = "MessageBird"
SKEW_SECONDS: Final = 1


def verify(call: Call, secret: str) -> None:
    """`secret` is the signing key. Raises Refused."""
    claims = _claims(call.header("MessageBird-Signature-JWT"), key_of(secret))
    if not (_time(claims, "nbf") - SKEW_SECONDS <= call.now < _time(claims, "exp") + SKEW_SECONDS):
        raise Refused
    address = call.url.encode("utf-8", "surrogatepass")
    must_match(str(claims.get("url_hash")), hashlib.sha256(address).hexdigest())
    if call.body:
        must_match(str(claims.get("payload_hash")), hashlib.sha256(call.body).hexdigest())
    elif claims.get("payload_hash"):
        raise Refused


def _claims(token: str, key: bytes) -> dict[str, Any]:
    """Times are compared with the call's own, by `verify`."""
    options: Any = {
        "require": ["iss", "nbf", "exp"],
        **dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat"), False),
    }
    try:
        return jwt.decode(token, key, algorithms=ALGORITHMS, issuer=ISSUER, options=options)
    except (jwt.InvalidTokenError, ValueError):
        raise Refused from None


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused
    return value
