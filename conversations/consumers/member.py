"""Whoever hears doorbells in a process: a socket, or a long poll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conversations.consumers.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Member:
    """Hears what is said to its groups: a message of type "bell" goes to `hear_bell(message)`."""

    def __init__(self) -> None:
        self.groups: set[str] = set()
        self.slice = 0
        self.claims: list[str] = []

    @property
    def hub(self) -> Hub:
        return Hub.here()

    def hear(self, message: dict[str, Any]) -> None:
        """Quick, and never waiting: the other members of the process wait for it."""
        handler = getattr(self, f"hear_{message.get('type')}", None)
        if handler is not None:
            handler(message)

    @classmethod
    async def pulse(cls, members: Sequence[Any]) -> None:
        """The heartbeat of these members of the class, with at most one query for all of them.
        Each has its own every 25 s, together with a fifth of the others."""

    def restart(self, crowd: int) -> None:
        """The process is about to end, and `crowd` members with it."""

    def claim(self, key: str, most: int) -> bool:
        """One more that counts under `key` in this process; False when there are `most` already."""
        if not self.hub.claim(key, most):
            return False
        self.claims.append(key)
        return True

    async def join(self, *groups: str) -> None:
        await self.hub.join(self, groups)

    async def part(self, *groups: str) -> None:
        await self.hub.leave(self, groups)

    async def gone(self) -> None:
        """Leave everything."""
        for key in self.claims:
            self.hub.unclaim(key)
        self.claims = []
        await self.hub.remove(self)

    async def join_only(self, wanted: Iterable[str], among: Iterable[str]) -> None:
        """Of the groups in `among`, be in those in `wanted` and no others."""
        wished = set(wanted)
        await self.part(*(set(among) - wished))
        await self.join(*wished)
