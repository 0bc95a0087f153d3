"""Meta asks by a GET whether a hook is ours before it calls it: we repeat what it says, if it knows
the word the admin chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from channels_inbox.base import Refused
from channels_inbox.calls import key_of, must_match

if TYPE_CHECKING:
    from channels_inbox.calls import Call

MOST: Final = 200


def answer(call: Call, word: str) -> str:
    """What to answer. Raises Refused, also where no word is set."""
    key_of(word)
    try:
        asked = dict(call.query())
    except ValueError:
        raise Refused from None
    challenge = asked.get("hub.challenge", "")
    if asked.get("hub.mode") != "subscribe" or not (challenge.isalnum() and challenge.isascii()):
        raise Refused
    must_match(asked.get("hub.verify_token", ""), word)
    return challenge[:MOST]
