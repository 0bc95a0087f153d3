"""The thread that sends bells: whoever rings only leaves a bell here and goes on.

A bell is a hint. What waits is sent through the channel layer as soon as it can be, together; bells
of the same key that still wait become one. While Redis is away they wait for half a minute, then
they are dropped: heartbeats tell the same, later.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import structlog
from channels.layers import get_channel_layer

Message = dict[str, Any]
Key = tuple[str | int, ...]

MOST_WAITING: Final = 10_000
AT_ONCE: Final = 50
KEPT_FOR: Final = 30.0
SEND_TIMEOUT: Final = 2.0
PAUSE: Final = 0.5
FINISH_WITHIN: Final = 0.5
# Counters of which the highest wins, whatever order the bells come in.
COUNTERS: Final = ("head", "rev")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Bell:
    """One message to a group. It is sent again after each of the pauses in `echoes` (seconds)."""

    key: Key
    group: str
    message: Message
    echoes: tuple[float, ...] = ()
    born: float = field(default_factory=time.monotonic)

    def over(self, older: Bell) -> Bell:
        """Both as one: what is new, and of counters the highest."""
        told = {**older.message, **self.message}
        for name in COUNTERS:
            if name in told and name in older.message:
                told[name] = max(told[name], older.message[name])
        return Bell(self.key, self.group, told, self.echoes or older.echoes, self.born)


class Sender:
    """Bells that wait, and the thread that sends them. `put` never waits and never raises."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)
        atexit.register(self.finish)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._bells: dict[Key, Bell] = {}
        self._asides: dict[Key, Bell] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending = False
        self._failing = False

    def put(self, bell: Bell, *, aside: bool = False) -> None:
        """Leave a bell to be sent. `aside` is for what may wait until no other bell does."""
        try:
            with self._lock:
                self._keep(bell, self._asides if aside else self._bells)
                self._ensure_thread()
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self._rung.set)
        except Exception:  # a bell is a hint: what was committed must not seem to fail by it
            log.exception("bell_not_queued")

    def finish(self, within: float = FINISH_WITHIN) -> None:
        """Wait a moment until nothing waits any more, as at the end of a short command."""
        ends = time.monotonic() + within
        while (self._bells or self._sending) and not self._failing and time.monotonic() < ends:
            time.sleep(0.005)

    @property
    def waiting(self) -> int:
        """How many bells wait."""
        return len(self._bells) + len(self._asides)

    @property
    def is_failing(self) -> bool:
        """Whether the last bell could not be sent."""
        return self._failing

    def _keep(self, bell: Bell, waiting: dict[Key, Bell]) -> None:
        older = waiting.get(bell.key)
        if older is None and len(waiting) >= MOST_WAITING:
            del waiting[next(iter(waiting))]
        waiting[bell.key] = bell.over(older) if older else bell

    def _ensure_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._loop = None
            self._thread = threading.Thread(target=self._run, name="doorbells", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        asyncio.run(self._send_all())

    async def _send_all(self) -> None:
        self._rung = asyncio.Event()
        with self._lock:
            self._loop = asyncio.get_running_loop()
        while True:
            while bells := self._next():
                await self._send(bells)
                self._sending = False
            await self._rung.wait()
            self._rung.clear()

    def _next(self) -> list[Bell]:
        """The oldest of those that wait."""
        with self._lock:
            for waiting in (self._bells, self._asides):
                if waiting:
                    self._sending = True
                    return [waiting.pop(key) for key in list(islice(waiting, AT_ONCE))]
        return []

    async def _send(self, bells: list[Bell]) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await _tell([(bell.group, bell.message) for bell in bells])
        except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, bells are hints
            await self._postpone(bells, error)
        else:
            self._failing = False
            self._echo(bells)

    async def _postpone(self, bells: list[Bell], error: Exception) -> None:
        if not self._failing:
            log.warning("bells_wait", error=f"{type(error).__name__}: {error}")
        self._failing = True
        with self._lock:
            room = MOST_WAITING - len(self._bells)
            young = [bell for bell in bells if time.monotonic() - bell.born < KEPT_FOR]
            kept = {bell.key: bell for bell in young[max(len(young) - room, 0) :]}
            newer = {key: self._bells.pop(key) for key in kept if key in self._bells}
            again = {
                key: newer[key].over(bell) if key in newer else bell for key, bell in kept.items()
            }
            self._bells = {**again, **self._bells}
        await asyncio.sleep(PAUSE)

    def _echo(self, bells: list[Bell]) -> None:
        loop = asyncio.get_running_loop()
        for bell in bells:
            for pause in bell.echoes:
                loop.call_later(pause, self.put, Bell(bell.key, bell.group, bell.message))


async def _tell(told: list[tuple[str, Message]]) -> None:
    """In one round trip, where the layer can; it may have said some of them when it raises."""
    layer = get_channel_layer()
    assert layer is not None
    if all_at_once := getattr(type(layer), "group_send_all", None):
        await all_at_once(layer, told)
        return
    for group, message in told:
        await layer.group_send(group, message)


SENDER: Final = Sender()
