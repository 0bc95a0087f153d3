"""The channel layer by which processes tell each other of changes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from channels_redis.pubsub import RedisPubSubChannelLayer  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable


class PipedLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """Redis pub/sub that says many things in one round trip: one by one each costs ten times as
    much of our processor time."""

    async def group_send_all(self, told: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """What `group_send` does, for several groups and messages, in their order."""
        layer = self._get_layer()
        shards = defaultdict(list)
        for group, message in told:
            channel = layer._get_group_channel_name(group)
            shards[layer._get_shard(channel)].append((channel, self.serialize(message)))
        for shard, some in shards.items():
            async with shard._lock:
                shard._ensure_redis()
                async with shard._redis.pipeline(transaction=False) as together:
                    for channel, data in some:
                        together.publish(channel, data)
                    await together.execute()
