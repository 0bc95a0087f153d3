"""One-use passes: a signed-in page asks for one and opens its socket with it.

A pass lets one socket in, within half a minute, from the session that asked for it. It lives in the
cache: while Redis is away each process knows its own, and a page that meets another process tries
again.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from django.core.cache import cache

LASTS: Final = 30
LONGEST: Final = 100


def issue(agent: int, session_key: str) -> str:
    """A pass for an agent (by id) in this session."""
    text = secrets.token_urlsafe(32)
    cache.set(_name(text), [agent, _print(session_key)], LASTS)
    return text


def redeem(text: str, session_key: str) -> int | None:
    """The agent's id, once; None for a pass that is used, too old, or another session's."""
    if not text or len(text) > LONGEST:
        return None
    name = _name(text)
    found = cache.get(name)
    # Of two who come with the same pass, one deletes it.
    if found is None or not cache.delete(name):
        return None
    agent, owner = found
    fits = secrets.compare_digest(owner, _print(session_key))
    return int(agent) if fits else None


def _name(text: str) -> str:
    return f"pass:{_print(text)}"


def _print(secret: str) -> str:
    """What the cache holds instead of the secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
