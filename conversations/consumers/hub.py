"""All sockets of a process: one ear for all their groups, one clock for all their heartbeats.

The channel layer knows the process as one channel. Groups are joined when the first socket wants
them and joined again every few seconds, so that neither a Redis that forgot nor a group that
expired makes anybody deaf for long.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import uuid4
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer

from conversations.ringing import SENDER, Bell

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from conversations.consumers.member import Member

STEP: Final = 5.0
RENEW: Final = 10.0
# Each step one slice of the members has its heartbeat: every member each 25 s, never all at once,
# as many of them ask for something then.
SLICES: Final = 5
PAUSE: Final = 1.0
EACH_GOODBYE: Final = 0.02
ALL_GOODBYES: Final = 4.0

log = structlog.get_logger(__name__)


class Hub:
    """The sockets of one event loop. It runs while it has members."""

    _hubs: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self.members: set[Member] = set()
        self.closing = False
        self._groups: dict[str, set[Member]] = defaultdict(set)
        self._claims: Counter[str] = Counter()
        self._channel = f"hub.{uuid4().hex}"
        self._tasks: list[asyncio.Task[None]] = []
        self._extra: set[asyncio.Task[None]] = set()
        self._called = self._came_back = self._next_slice = 0

    @classmethod
    def here(cls) -> Hub:
        """The one of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in cls._hubs:
            cls._hubs[loop] = cls()
        return cls._hubs[loop]

    async def add(self, member: Member) -> None:
        self.members.add(member)
        member.slice = self._next_slice = (self._next_slice + 1) % SLICES
        if not self._tasks:
            self._called = self._came_back = 0
            self._tasks = [
                asyncio.create_task(self._listen(), name="hub-ear"),
                asyncio.create_task(self._tick(), name="hub-clock"),
            ]
            # The ear has to be open before a group can be joined.
            await asyncio.sleep(0)

    async def remove(self, member: Member) -> None:
        self.members.discard(member)
        await self.leave(member, list(member.groups))
        if not self.members:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def claim(self, key: str, most: int) -> bool:
        """Count one more of a kind ("agent:5"); False when there are as many as may be."""
        if self._claims[key] >= most:
            return False
        self._claims[key] += 1
        return True

    def unclaim(self, key: str) -> None:
        self._claims[key] -= 1
        if self._claims[key] <= 0:
            del self._claims[key]

    async def join(self, member: Member, groups: Iterable[str]) -> None:
        """Hear what is said to these groups. While Redis is away it is tried again later."""
        for group in groups:
            if group not in member.groups:
                member.groups.add(group)
                self._groups[group].add(member)
                await self._add(group)

    async def leave(self, member: Member, groups: Iterable[str]) -> None:
        for group in groups:
            member.groups.discard(group)
            left = self._groups.get(group, set())
            left.discard(member)
            if not left and self._groups.pop(group, None) is not None:
                with suppress(Exception):
                    await _layer().group_discard(group, self._channel)

    async def say_goodbye(self) -> None:
        """Close all with 1012, one after the other; new ones are turned away from now on."""
        self.closing = True
        leaving = list(self.members)
        for member in leaving:
            member.restart(len(leaving))
            await asyncio.sleep(min(EACH_GOODBYE, ALL_GOODBYES / len(leaving)))

    async def _add(self, group: str) -> None:
        try:
            await _layer().group_add(group, self._channel)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, it is tried again
            log.debug("group_not_joined", group=group, error=str(error))

    async def _listen(self) -> None:
        while True:
            try:
                message = await _layer().receive(self._channel)
            except Exception as error:  # noqa: BLE001 - the ear stays open, whatever Redis says
                log.warning("doorbells_unheard", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(PAUSE)
            else:
                self._deliver(message)

    def _deliver(self, message: dict[str, Any]) -> None:
        self._heard(message)
        for member in list(self._groups.get(message.get("group", ""), ())):
            try:
                member.hear(message)
            except Exception:  # the other members of the group are told all the same
                log.exception("bell_not_delivered", kind=message.get("type"))

    def _heard(self, message: dict[str, Any]) -> None:
        """Our own call came back. Where one is missing, so may be bells: all are told their heads
        at once."""
        if message.get("group") == self._channel:
            missed = message["number"] > self._came_back + 1
            self._came_back = message["number"]
            if missed:
                self._background(self.beat(self.members))

    async def _tick(self) -> None:
        await self._add(self._channel)
        clock = asyncio.get_running_loop().time
        due_at = clock()
        while True:
            # By the clock: pauses alone would add up with the work between them.
            due_at = max(due_at + STEP, clock())
            await asyncio.sleep(due_at - clock())
            self._call()
            if self._called % round(RENEW / STEP) == 0:
                await self._renew()
            due = [one for one in self.members if one.slice == self._called % SLICES]
            self._background(self.beat(due))

    def _call(self) -> None:
        self._called += 1
        told = {"type": "echo", "group": self._channel, "number": self._called}
        SENDER.put(Bell((self._channel,), self._channel, told))

    async def _renew(self) -> None:
        for group in [self._channel, *self._groups]:
            await self._add(group)

    async def beat(self, due: Iterable[Member]) -> None:
        """One heartbeat for each sort of member, with whatever one query tells all of them."""
        sorts: dict[type[Member], list[Member]] = defaultdict(list)
        for member in due:
            sorts[type(member)].append(member)
        for sort, members in sorts.items():
            try:
                await sort.pulse(members)
            except Exception:  # the next heartbeat asks again
                log.exception("heartbeat_failed", sort=sort.__name__)

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._extra.add(task)
        task.add_done_callback(self._extra.discard)


def _layer() -> Any:
    return get_channel_layer()
