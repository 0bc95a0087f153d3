"""Who a site says its visitor is: a JWT it signs with the secret it shares with the chat.

Only HS256 with our secret counts. The audience is this one chat, the token lives ten minutes at
most, and a mail address counts only where the site says that it verified it.
"""

from __future__ import annotations

import secrets
import time
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import jwt

from channels_inbox import vault

if TYPE_CHECKING:
    from conversations.models import Inbox

SECRET: Final = "chat_signing"
SECRET_BEFORE: Final = vault.name_before(SECRET)
ALGORITHM: Final = "HS256"
MOST_SECONDS: Final = 600
SKEW_SECONDS: Final = 30
MAX_TOKEN: Final = 4096


class Forged(Exception):
    """The signature doesn't hold, or what is signed says too little. Nobody is told which."""


@dataclass(frozen=True)
class Claims:
    """What the site vouches for. `email` is set only where the site has verified it."""

    subject: str
    name: str = ""
    email: str = ""


def check(inbox: Inbox, token: str) -> Claims:
    """Raises Forged."""
    for name in (SECRET, SECRET_BEFORE):
        try:
            told = _decoded(vault.get(inbox, name), inbox.public_id, token)
        except (vault.MissingSecret, jwt.InvalidTokenError, ValueError):
            continue
        return _claims(told)
    raise Forged


def new_secret(inbox: Inbox) -> str:
    """A new signing secret, to be shown once. The one before goes on working until it is stopped,
    so that the site can change over."""
    secret = secrets.token_urlsafe(48)
    vault.replace(inbox, SECRET, secret)
    return secret


def _decoded(secret: str, audience: str, token: str) -> dict[str, Any]:
    if len(token) > MAX_TOKEN:
        raise Forged
    return jwt.decode(
        token,
        secret,
        algorithms=[ALGORITHM],
        audience=audience,
        leeway=SKEW_SECONDS,
        options={"require": ["exp", "iat", "sub", "aud"], "strict_aud": True},
    )


def _claims(told: dict[str, Any]) -> Claims:
    now = time.time()
    if told["exp"] > now + MOST_SECONDS + SKEW_SECONDS:
        raise Forged
    if not now - MOST_SECONDS - 2 * SKEW_SECONDS <= told["iat"] <= told["exp"]:
        raise Forged
    email = told.get("email")
    verified = told.get("email_verified") is True and isinstance(email, str)
    return Claims(
        _subject(told["sub"]),
        _text(told.get("name"), 100),
        _text(email, 254).lower() if verified else "",
    )


def _subject(value: object) -> str:
    """Exactly as signed: two users that only look alike must never become one."""
    fits = isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()
    if not fits or value != unicodedata.normalize("NFC", str(value)).strip():
        raise Forged
    return str(value)


def _text(value: object, limit: int) -> str:
    return " ".join(value.split())[:limit] if isinstance(value, str) else ""
