"""How Twilio signs a call: base64 HMAC-SHA1 of the address and the sorted fields of the form, with
the account's auth token. Of a body that is no form the address carries a SHA-256. With a key shared
for hooks alone it may be HMAC-SHA256; a header beside the signature says so."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from channels_inbox.base import Refused
from channels_inbox.calls import key_of, must_match, pairs

if TYPE_CHECKING:
    from channels_inbox.calls import Call

ALGORITHMS: Final = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


def verify(call: Call, secret: str) -> None:
    """`secret` is the auth token, or the shared key's secret. Raises Refused."""
    key, algorithm = key_of(secret), _algorithm(call)
    try:
        digest = dict(call.query()).get("bodySHA256")
        fields = pairs(call.body) if digest is None else []
        right = [_signature(key, algorithm, one, fields) for one in _spellings(call.url)]
    except ValueError:
        raise Refused from None
    if digest is not None:
        must_match(digest.lower(), hashlib.sha256(call.body).hexdigest())
    must_match(call.header("X-Twilio-Signature"), *right)


def _algorithm(call: Call) -> str:
    """Raises Refused for one we don't know."""
    told = call.header("X-Twilio-Webhooks-Signature-Settings").split(",")
    named = dict(one.strip().split("=", 1) for one in told if "=" in one)
    try:
        return ALGORITHMS[named.get("algorithm") or "HMAC_SHA1"]
    except KeyError:
        raise Refused from None


def _signature(key: bytes, algorithm: str, address: str, fields: list[tuple[str, str]]) -> str:
    """A field that comes several times is signed once with each of its values."""
    signed = address + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.digest(key, signed.encode("utf-8", "surrogateescape"), algorithm)
    return base64.b64encode(digest).decode()


def _spellings(address: str) -> list[str]:
    """The address as it is, without its port, and with the usual one: Twilio signs either, and what
    stands in front of us may add or drop it. Raises ValueError."""
    whole = urlsplit(address)
    bare = re.sub(r":\d+$", "", whole.netloc)
    usual = f"{bare}:{443 if whole.scheme == 'https' else 80}"
    ported = whole.netloc if whole.netloc != bare else usual
    return [address, *(urlunsplit(whole._replace(netloc=host)) for host in (bare, ported))]
