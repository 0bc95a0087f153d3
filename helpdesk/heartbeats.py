"""Signs of life of workers and beat, kept in Redis for a few seconds. A hint, never the truth."""

import logging
import threading
import time

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

EXPECTED = ("worker-fast", "worker-slow", "beat")
QUEUES = ("fast", "slow")
EVERY = 5.0
LASTS = 20
TIMEOUT = 0.5

logger = logging.getLogger(__name__)


def client() -> redis.Redis:
    """A connection that gives up quickly."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


def key(name: str) -> str:
    """Where the process `name` leaves its sign."""
    return f"{settings.REDIS_PREFIX}:alive:{name}"


def beat(name: str, stop: threading.Event) -> None:
    """Leave a sign every few seconds until `stop` is set; an unreachable Redis is tried again."""
    server = client()
    while True:
        try:
            server.set(key(name), 1, ex=LASTS)
        except redis.RedisError as error:
            logger.warning("no heartbeat of %s: Redis says %s", name, error)
        if stop.wait(EVERY):
            return


def start(name: str) -> threading.Event:
    """Beat in the background; setting the returned event ends it."""
    stop = threading.Event()
    threading.Thread(target=beat, args=(name, stop), name="heartbeat", daemon=True).start()
    return stop


def missing() -> list[str]:
    """Names of the expected processes that left no sign lately; raises `redis.RedisError`."""
    with client() as server:
        signs = server.mget([key(name) for name in EXPECTED])
    return [name for name, sign in zip(EXPECTED, signs, strict=True) if sign is None]


def renewed() -> list[str]:
    """Names of the expected processes that leave a sign from now on: that takes a moment, as those
    that have just ended left one too. Raises `redis.RedisError`."""
    before = _left()
    if not any(before.values()):
        return []
    began = time.monotonic()
    time.sleep(EVERY + 2 * TIMEOUT)
    after, passed = _left(), (time.monotonic() - began) * 1000
    return [name for name in EXPECTED if after[name] > max(before[name] - passed / 2, 0)]


def _left() -> dict[str, int]:
    """For how many milliseconds each sign is still there; 0 where there is none."""
    with client() as server:
        return {name: max(int(server.pttl(key(name))), 0) for name in EXPECTED}


def wake_ups() -> dict[str, int]:
    """How many wake-ups no worker has taken, by queue; raises `redis.RedisError`."""
    with client() as server:
        return {name: int(server.llen(f"{settings.REDIS_PREFIX}:{name}")) for name in QUEUES}


def forget() -> None:
    """Drop all signs, such as those a killed copy left; raises `redis.RedisError`."""
    with client() as server:
        server.delete(*map(key, EXPECTED))
