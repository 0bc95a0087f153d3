"""How Zalo signs a call: a plain SHA-256 over app id, raw bytes, time and the OA's secret key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from channels_inbox.base import Refused
from channels_inbox.calls import key_of, must_match
from channels_inbox.events import Unreadable
from channels_inbox.payloads import read_object, text

if TYPE_CHECKING:
    from channels_inbox.calls import Call


def verify(call: Call, secret: str) -> None:
    """`secret` is the OA secret key. App id and time are taken from the body, which is signed with
    them. Old calls are taken too: Zalo repeats one for an hour, with its first time. Raises
    Refused."""
    key = key_of(secret)
    try:
        told = read_object(call.body)
    except Unreadable:
        raise Refused from None
    app_id, timestamp = text(told, "app_id"), text(told, "timestamp")
    signed = app_id.encode() + call.body + timestamp.encode() + key
    must_match(call.header("X-ZEvent-Signature"), f"mac={hashlib.sha256(signed).hexdigest()}")
