"""The socket of an open page of the desk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self
from urllib.parse import parse_qs

from conversations import doorbells, presence
from conversations.consumers import rights
from conversations.consumers.agents import MOST_SOCKETS, AgentMember, admit
from conversations.consumers.doubts import Doubts
from conversations.consumers.socket import RESTART, SIGNED_OUT, TOO_MANY, Closed, Socket
from conversations.consumers.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.consumers.frames import Shapes

MOST_WATCHED: Final = 50
CHECK_AFTER: Final = 45.0
# A page in the background may beat once a minute only.
SILENT_AFTER: Final = 90.0
TYPING_LASTS: Final = 5.0
# Between the heartbeats of two members, as each may ask for something then; all within this time.
APART: Final = 0.02
ALL_WITHIN: Final = 2.5


class DeskSocket(Socket, AgentMember):
    frames: ClassVar[Shapes] = {
        "watch": {"conversation": int, "head": int},
        "unwatch": {"conversation": int},
        "lists": {},
        "typing": {
            "conversation": int,
            "mode": ("reply", "note"),
            "on": bool,
            "identity?": int,
        },
        "beat": {},
    }

    def __init__(self) -> None:
        super().__init__()
        self._alive_at = asyncio.get_running_loop().time()
        self._typing: tuple[int, str, float] = (0, "", 0.0)
        self._visitors: dict[tuple[int, int], list[int]] = {}

    @property
    def is_over(self) -> bool:
        return self._bye is not None

    async def opened(self) -> None:
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        session = rights.session_key(self.scope)
        caller = await in_thread(admit, query.get("ticket", [""])[0], session)
        if caller is None:
            raise Closed(SIGNED_OUT)
        self.caller = caller
        if not self.claim(f"agent:{self.agent}", MOST_SOCKETS):
            raise Closed(TOO_MANY)
        await self.join(doorbells.of_agent(self.agent), doorbells.DESK)
        # Who came or went between the page and the joining, or while the line was down.
        self.tell({"is": "ready", "here": await in_thread(presence.states)})

    async def do_watch(self, conversation: int, head: int) -> None:
        self._beat()
        if len(self.watched) >= MOST_WATCHED and conversation not in self.watched:
            raise Closed(TOO_MANY)
        if await self.watch(conversation, head):
            self._say(conversation, viewing=True, ask=True)
            doorbells.ask_visitors(conversation)

    async def do_unwatch(self, conversation: int) -> None:
        self._beat()
        if conversation in self.watched:
            await self.unwatch(conversation)
            self._say(conversation, viewing=False, ask=True)

    async def do_lists(self) -> None:
        self._beat()
        await self.join_lists(await in_thread(rights.every_team))

    async def do_typing(self, conversation: int, mode: str, on: bool, identity: int = 0) -> None:
        self._beat()
        if conversation not in self.watched:
            return
        self._typing = (conversation, mode if on else "", self._alive_at + TYPING_LASTS)
        self._say(conversation, viewing=True)
        if mode == "reply":
            await self._type_to_visitors(conversation, identity, on)

    async def do_beat(self) -> None:
        self._beat()

    async def closed(self) -> None:
        if self._bye is None or self._bye.code != RESTART:
            for conversation in self.watched:
                self._say(conversation, viewing=False, ask=True)

    def hear_people(self, message: dict[str, Any]) -> None:
        """Answer when another one came, or this agent left by another window only."""
        super().hear_people(message)
        own = message["agent"] == self.agent
        if message["ask"] and own != message["viewing"] and message["conversation"] in self.watched:
            self._say(message["conversation"], viewing=True)

    @classmethod
    async def pulse(cls, members: Sequence[Self]) -> None:
        """Heads by one query for all, leases by another; every second time, rights."""
        now = asyncio.get_running_loop().time()
        known = [member for member in members if hasattr(member, "caller")]
        heads = await in_thread(
            pulse,
            {pk for member in known for pk in member.watched},
            {member.agent for member in known if now - member._alive_at < SILENT_AFTER},
        )
        for member in known:
            member._heartbeat(heads)
            if now - member.checked_at > CHECK_AFTER:
                Doubts.here().add(member)
            await asyncio.sleep(min(APART, ALL_WITHIN / len(known)))

    def _heartbeat(self, heads: dict[int, int]) -> None:
        told = {pk: heads[pk] for pk in self.watched if pk in heads}
        for pk, head in told.items():
            self.watched[pk] = max(self.watched[pk], head)
            self._say(pk, viewing=True)
        self.tell({"is": "beat", "heads": told}, key="beat")

    def _say(self, conversation: int, *, viewing: bool, ask: bool = False) -> None:
        place, mode, until = self._typing
        now = asyncio.get_running_loop().time()
        typing = mode if viewing and place == conversation and now < until else ""
        doorbells.say_people(
            conversation,
            agent=self.agent,
            name=self.caller.name,
            viewing=viewing,
            typing=typing,
            ask=ask,
        )

    async def _type_to_visitors(self, conversation: int, identity: int, on: bool) -> None:
        place = (conversation, identity)
        if place not in self._visitors:
            self._visitors = {place: await in_thread(rights.visitors_of, conversation, identity)}
        for visitor in self._visitors[place]:
            doorbells.say_typing(visitor, name=self.caller.short, on=on)

    def _beat(self) -> None:
        self._alive_at = asyncio.get_running_loop().time()


def pulse(conversations: set[int], agents: set[int]) -> dict[int, int]:
    presence.renew(agents)
    return rights.heads(conversations)
