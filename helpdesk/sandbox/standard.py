"""Calls signed after Standard Webhooks, for stand-ins of systems that were handed a secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
import uuid


def key_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return secret.encode()


def signature(secret: str, name: str, at: str, body: bytes) -> str:
    digest = hmac.new(key_of(secret), f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers(secret: str, body: bytes, *, name: str = "", at: float = 0) -> dict[str, str]:
    name, told = name or f"msg_{uuid.uuid4().hex}", str(int(at or time.time()))
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": told,
        "webhook-signature": signature(secret, name, told, body),
    }


def is_signed(secret: str, got: dict[str, str], body: bytes) -> bool:
    """`got` by lower-case name."""
    right = signature(secret, got["webhook-id"], got["webhook-timestamp"], body)
    fresh = abs(time.time() - int(got["webhook-timestamp"])) < 300
    return fresh and right in got["webhook-signature"].split()
