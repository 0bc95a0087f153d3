"""How Vonage signs a call: a JWT that holds a hash of the body; of the older SMS API, a hash of the
sorted parameters."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

import jwt

from channels_inbox.base import Refused
from channels_inbox.calls import key_of, must_match
from channels_inbox.events import Unreadable
from channels_inbox.vonage.parameters import parameters

if TYPE_CHECKING:
    from channels_inbox.calls import Call

TOLERANCE_SECONDS: Final = 300
DIGESTS: Final = ("md5", "sha1", "sha256", "sha512")


def verify(call: Call, secret: str) -> None:
    """`secret` is the signature secret. Raises Refused."""
    key = key_of(secret)
    scheme, _space, token = call.header("Authorization").partition(" ")
    if scheme.lower() == "bearer":
        _verify_token(call, token.strip(), key)
    else:
        _verify_parameters(call, key)


def _verify_token(call: Call, token: str, key: bytes) -> None:
    options: Any = {"require": ["iat"], "verify_exp": False, "verify_nbf": False}
    options |= {"verify_iat": False, "verify_aud": False}
    try:
        claims = jwt.decode(token, key, algorithms=["HS256"], options=options)
    except (jwt.InvalidTokenError, ValueError):
        raise Refused from None
    _recent(call, claims["iat"])
    if "exp" in claims and not _is_after(claims["exp"], call.now):
        raise Refused
    if call.body or "payload_hash" in claims:
        must_match(str(claims.get("payload_hash")).lower(), hashlib.sha256(call.body).hexdigest())


def _verify_parameters(call: Call, key: bytes) -> None:
    """An account chooses one way of hashing; each needs the secret."""
    try:
        told = parameters(call)
    except Unreadable:
        raise Refused from None
    given = told.pop("sig", "").lower()
    signed = "".join(f"&{name}={_flat(told[name])}" for name in sorted(told)).encode()
    right = [hmac.digest(key, signed, digest).hex() for digest in DIGESTS]
    must_match(given, hashlib.md5(signed + key).hexdigest(), *right)
    timestamp = told.get("timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Refused
    _recent(call, int(timestamp))


def _flat(value: str) -> str:
    return value.replace("&", "_").replace("=", "_")


def _recent(call: Call, at: object) -> None:
    if not (_is_after(at, call.now - TOLERANCE_SECONDS) and isinstance(at, int | float)):
        raise Refused
    if at > call.now + TOLERANCE_SECONDS:
        raise Refused


def _is_after(at: object, moment: float) -> bool:
    return isinstance(at, int | float) and not isinstance(at, bool) and at > moment
