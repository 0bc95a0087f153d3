"""Telegram signs nothing: it repeats a secret that was given to it with the address of the hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_inbox.calls import key_of, must_match

if TYPE_CHECKING:
    from channels_inbox.calls import Call


def verify(call: Call, secret: str) -> None:
    """`secret` is the `secret_token` of setWebhook. Raises Refused."""
    key_of(secret)
    must_match(call.header("X-Telegram-Bot-Api-Secret-Token"), secret)
