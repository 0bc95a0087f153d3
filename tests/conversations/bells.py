"""What was rung, as Redis saw it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import redis
from channels.layers import get_channel_layer
from django.conf import settings

from conversations.ringing import SENDER, Bell
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

Message = dict[str, Any]
MARK = "mark"


class Heard:
    """Listens to all groups, whoever is in them."""

    def __init__(self, server: redis.Redis) -> None:
        self._ear = server.pubsub()  # type: ignore[no-untyped-call]
        self._ear.psubscribe(f"{settings.REDIS_PREFIX}__group__*")
        until(lambda: self._ear.get_message(timeout=PATIENCE))
        self.told()

    def told(self, *kinds: str) -> list[Message]:
        """All that was said since the last time, of these types or of any, in order."""
        # A bell of our own comes last, also where Redis is slow and some are sent once more.
        mark = uuid4().hex
        SENDER.put(Bell((mark,), mark, {"type": MARK, "group": mark}))
        found: list[Message] = []
        while True:
            one = self._ear.get_message(timeout=PATIENCE)
            if one is None or one["type"] != "pmessage":
                continue
            told: Message = get_channel_layer().deserialize(one["data"])
            if told["type"] != MARK:
                found.append(told)
            elif told["group"] == mark:
                return [told for told in found if not kinds or told["type"] in kinds]

    def heads(self) -> dict[int, int]:
        """The highest head that was rung of each conversation since the last time."""
        found: dict[int, int] = {}
        for told in self.told("bell"):
            if "conversation" in told:
                pk = told["conversation"]
                found[pk] = max(found.get(pk, 0), told["head"])
        return found

    def close(self) -> None:
        self._ear.close()


@contextmanager
def listening() -> Iterator[Heard]:
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        heard = Heard(server)
        try:
            yield heard
        finally:
            heard.close()
