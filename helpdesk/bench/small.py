"""Short messages as a provider's calls bring them. Standard library only: the floor reads the same
ones."""

from __future__ import annotations

import json
import time


def update(number: int, sender: int, text: str) -> bytes:
    """A call of Telegram's, about one message."""
    who = {"id": sender, "is_bot": False, "first_name": "Be", "last_name": "Nch"}
    message = {
        "message_id": number,
        "date": int(time.time()),
        "from": who,
        "chat": {"id": sender, "type": "private", "first_name": "Be"},
        "text": text,
    }
    return json.dumps({"update_id": number, "message": message}).encode()
