"""Whether members may still hear what they hear, asked for many of them at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final
from weakref import WeakKeyDictionary

import structlog

from conversations.consumers import rights
from conversations.consumers.socket import RIGHTS_CHANGED, SIGNED_OUT
from conversations.consumers.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.consumers.agents import AgentMember

# Many sockets hear of the same change; they are asked for together.
GATHER: Final = 0.02
PAUSE: Final = 1.0

log = structlog.get_logger(__name__)


class Doubts:
    """The members of one event loop that have to be checked, with what they want to hear after."""

    _all: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Doubts]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._members: dict[AgentMember, list[Callable[[], None]]] = {}
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def here(cls) -> Doubts:
        loop = asyncio.get_running_loop()
        if loop not in cls._all:
            cls._all[loop] = cls()
        return cls._all[loop]

    def add(self, member: AgentMember, then: Callable[[], None] | None = None) -> None:
        """Check this member soon; `then` runs if they may still hear."""
        self._members.setdefault(member, []).extend([then] if then else [])
        if self._task is None:
            self._task = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        try:
            while self._members:
                await asyncio.sleep(GATHER)
                members, self._members = self._members, {}
                await self._settle_these(members)
        finally:
            self._task = None

    async def _settle_these(self, members: dict[AgentMember, list[Callable[[], None]]]) -> None:
        try:
            await check(list(members))
        except Exception:  # nobody is told anything before the check has been made
            log.exception("rights_not_checked")
            self._members = {**members, **self._members}
            await asyncio.sleep(PAUSE)
            return
        for member, wishes in members.items():
            for wish in wishes:
                if not member.is_over:
                    wish()


async def check(members: list[AgentMember]) -> None:
    """End those whose session or rights changed; take from the others what they may not read."""
    now = asyncio.get_running_loop().time()
    found = await in_thread(rights.callers, [member.caller.session for member in members])
    left = []
    for member in members:
        caller = found.get(member.caller.session)
        if caller is None:
            member.close(SIGNED_OUT)
        elif caller.rights != member.caller.rights:
            member.close(RIGHTS_CHANGED)
        else:
            member.checked_at = now
            left.append(member)
    await _check_watched(left)
    await _check_lists(left)


async def _check_watched(members: list[AgentMember]) -> None:
    pairs = [(member.agent, pk) for member in members for pk in member.watched]
    lost = await in_thread(rights.unreadable, pairs) if pairs else set()
    for member in members:
        for pk in [pk for pk in member.watched if (member.agent, pk) in lost]:
            await member.lose(pk)


async def _check_lists(members: list[AgentMember]) -> None:
    listing = [member for member in members if member.in_lists]
    if listing:
        teams = await in_thread(rights.every_team)
        for member in listing:
            await member.join_lists(teams)
