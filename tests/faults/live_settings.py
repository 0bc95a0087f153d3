"""The product with a channel layer that is worse than ours: it loses messages, or forgets groups."""

import os
import random
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer  # type: ignore[import-untyped]

from helpdesk.settings import *  # noqa: F403
from helpdesk.settings import REDIS_PREFIX, REDIS_URL

LOSES, HOLDS, GROUPS_EXPIRE = 0.05, 2, 20


class LossyLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """Every twentieth message is lost, and whoever has more than two waiting loses the oldest."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if random.random() > LOSES:
            await self._get_layer().group_send(group, message)

    async def receive(self, channel: str) -> Any:
        layer = self._get_layer()
        waiting = layer.channels.get(channel)
        while waiting is not None and waiting.qsize() > HOLDS:
            waiting.get_nowait()
        return await layer.receive(channel)


LAYERS: dict[str, dict[str, Any]] = {
    "lossy": {
        "BACKEND": "tests.faults.live_settings.LossyLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": REDIS_PREFIX},
    },
    "expiring": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": REDIS_PREFIX, "group_expiry": GROUPS_EXPIRE},
    },
}
if os.environ.get("FAULT_LAYER"):
    CHANNEL_LAYERS = {"default": LAYERS[os.environ["FAULT_LAYER"]]}
