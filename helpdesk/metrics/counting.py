"""Counters of all processes in one place: each hands over to Redis what it counted since.

So it doesn't matter which process is asked. A Redis that lost them makes counters start at nothing
again, which whoever reads them allows for; while it is away they are kept here.
"""

import atexit
import json
import os
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Final

import redis
from django.conf import settings

from helpdesk import heartbeats

EVERY: Final = 5.0
LASTS: Final = 20.0
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Labels = tuple[str, ...]


class Counts:
    """What one process counts. `names` of a count are few and fixed: nothing a visitor sends may
    become one."""

    def __init__(self) -> None:
        self.who = f"{socket.gethostname()}:{os.getpid()}"
        self.sockets: Counter[str] = Counter()
        self._fresh: Counter[tuple[str, Labels]] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, *labels: str, by: float = 1) -> None:
        """Count `by` more."""
        with self._lock:
            self._fresh[name, labels] += by  # type: ignore[assignment]

    def took(self, name: str, *labels: str, seconds: float) -> None:
        """Count one duration into its bucket, and its seconds into the sum."""
        bucket = next((str(edge) for edge in BUCKETS if seconds <= edge), "+Inf")
        with self._lock:
            self._fresh[f"{name}_bucket", (*labels, bucket)] += 1
            self._fresh[f"{name}_sum", labels] += seconds  # type: ignore[assignment]

    def hand_over(self) -> None:
        """Add what is new to the sums of all processes. Raises `redis.RedisError`, keeping it."""
        with self._lock:
            fresh, self._fresh = self._fresh, Counter()
        try:
            with heartbeats.client() as server, server.pipeline() as together:
                for (name, labels), amount in fresh.items():
                    together.hincrbyfloat(key("counted"), json.dumps([name, *labels]), amount)
                for sort, number in list(self.sockets.items()):
                    place = json.dumps([self.who, sort])
                    together.hset(key("sockets"), place, json.dumps([number, time.time()]))
                together.execute()
        except redis.RedisError:
            with self._lock:
                self._fresh.update(fresh)
            raise


def key(name: str) -> str:
    """Where in Redis."""
    return f"{settings.REDIS_PREFIX}:metrics:{name}"


def counted() -> dict[tuple[str, ...], float]:
    """The sums of all processes by (name, *labels). Raises `redis.RedisError`."""
    with heartbeats.client() as server:
        found = server.hgetall(key("counted"))
    return {tuple(json.loads(name)): float(amount) for name, amount in found.items()}


def open_sockets() -> Counter[str]:
    """How many sockets of each sort the living processes have. Raises `redis.RedisError`."""
    total: Counter[str] = Counter()
    with heartbeats.client() as server:
        for place, told in server.hgetall(key("sockets")).items():
            number, at = json.loads(told)
            if time.time() - at > LASTS:
                server.hdel(key("sockets"), place)
            else:
                total[json.loads(place)[1]] += number
    return total


_mine: Counts | None = None
_starting = threading.Lock()


def mine() -> Counts:
    """The counts of this process, handed over every few seconds from the first one on."""
    global _mine
    if _mine is None or not _mine.who.endswith(f":{os.getpid()}"):
        with _starting:
            if _mine is None or not _mine.who.endswith(f":{os.getpid()}"):
                _mine = Counts()
                threading.Thread(target=_keep_on, args=(_mine,), name="counts", daemon=True).start()
                atexit.register(_last_time, _mine)
    return _mine


def _keep_on(counts: Counts) -> None:
    while True:
        time.sleep(EVERY)
        _last_time(counts)


def _last_time(counts: Counts) -> None:
    with suppress(redis.RedisError):
        counts.hand_over()
