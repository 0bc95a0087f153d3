"""A Redis cache that survives the loss of Redis.

While Redis doesn't answer, each process keeps what it caches to itself. So a limit on sign-in
attempts still limits, only per process, and nothing that reads the cache fails.
"""

import time
from collections.abc import Callable
from typing import Any, ClassVar

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

OPERATIONS = (
    "add", "get", "set", "touch", "delete", "get_many", "has_key", "incr", "set_many",
    "delete_many", "clear",
)  # fmt: skip
AVOIDED_FOR = 5.0


class TolerantRedisCache(RedisCache):
    """Django's Redis cache with a per-process one behind it.

    After a failure Redis is left alone for some seconds, so that one that hangs is not waited for
    again and again.
    """

    avoided_until: ClassVar[float] = 0

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        """Take Django's cache settings; the local cache gets them without the Redis options."""
        options = {"retry": Retry(NoBackoff(), 0), **params.get("OPTIONS", {})}
        super().__init__(server, params | {"OPTIONS": options})
        local = {name: value for name, value in params.items() if name != "OPTIONS"}
        self.local = LocMemCache("helpdesk-redis-outage", local)


def tolerant(name: str) -> Callable[..., Any]:
    """Build the operation `name`: Redis first, the local cache while Redis fails."""

    def operation(self: TolerantRedisCache, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() > TolerantRedisCache.avoided_until:
            try:
                return getattr(RedisCache, name)(self, *args, **kwargs)
            except RedisError:
                TolerantRedisCache.avoided_until = time.monotonic() + AVOIDED_FOR
        return getattr(self.local, name)(*args, **kwargs)

    operation.__name__ = name
    return operation


for operation_name in OPERATIONS:
    setattr(TolerantRedisCache, operation_name, tolerant(operation_name))
