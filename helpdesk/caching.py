"""A Redis cache that survives the loss of Redis.

While Redis doesn't answer, each process keeps what it caches to itself. So a limit on sign-in
attempts still limits, only per process, and nothing that reads the cache fails.
"""

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

OPERATIONS = (
    "add", "get", "set", "touch", "delete", "get_many", "has_key", "incr", "set_many",
    "delete_many", "clear",
)  # fmt: skip


class TolerantRedisCache(RedisCache):
    """Django's Redis cache with a per-process one behind it."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        """Take Django's cache settings; the local cache gets them without the Redis options."""
        super().__init__(server, params)
        local = {name: value for name, value in params.items() if name != "OPTIONS"}
        self.local = LocMemCache("helpdesk-redis-outage", local)


def tolerant(name: str) -> Callable[..., Any]:
    """Build the operation `name`: Redis first, the local cache while Redis fails."""

    def operation(self: TolerantRedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(RedisCache, name)(self, *args, **kwargs)
        except RedisError:
            return getattr(self.local, name)(*args, **kwargs)

    operation.__name__ = name
    return operation


for operation_name in OPERATIONS:
    setattr(TolerantRedisCache, operation_name, tolerant(operation_name))
