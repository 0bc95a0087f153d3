"""What an agent hears, by socket or by long poll: bells of conversations, rows of lists, people."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from conversations import doorbells, passes, presence
from conversations.consumers import rights
from conversations.consumers.doubts import Doubts
from conversations.consumers.member import Member
from conversations.consumers.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from conversations.consumers.rights import Caller

MOST_SOCKETS: Final = 30
# By which a page knows whether a ticket may be part of its list; besides, whether it is a team of
# the agent's own.
ROW: Final = ("ticket", "team", "owner", "status", "place")


class AgentMember(Member, ABC):
    """`watched` holds conversations and the highest head that was told of each."""

    caller: Caller

    def __init__(self) -> None:
        super().__init__()
        self.watched: dict[int, int] = {}
        self._coming: dict[int, int] = {}
        self.in_lists = False
        self.checked_at = asyncio.get_running_loop().time()

    @property
    def agent(self) -> int:
        return self.caller.rights.agent

    @property
    @abstractmethod
    def is_over(self) -> bool:
        """Whether nothing is told any more."""

    @abstractmethod
    def tell(self, frame: dict[str, Any], key: Hashable = None) -> None:
        """Pass a frame on; of those with one key that still wait, the last counts."""

    @abstractmethod
    def close(self, code: int, reason: str = "") -> None:
        """Tell nothing more, and why."""

    async def watch(self, conversation: int, head: int) -> bool:
        """Hear of a conversation from now on, and at once if it went past `head`; False when the
        agent may not read it. The group is joined before the head is read: nothing falls between.
        """
        self._coming[conversation] = 0
        await self.join(doorbells.of_conversation(conversation))
        now = await in_thread(_head_of, self.agent, conversation)
        heard = self._coming.pop(conversation, 0)
        if now is None:
            await self.lose(conversation)
            return False
        self.watched[conversation] = head
        self._tell_head(conversation, max(now, heard))
        return True

    async def unwatch(self, conversation: int) -> None:
        self.watched.pop(conversation, None)
        await self.part(doorbells.of_conversation(conversation))

    async def lose(self, conversation: int) -> None:
        """It can't be read any more, or never could be."""
        await self.unwatch(conversation)
        self.tell({"is": "gone", "conversation": conversation})

    async def join_lists(self, teams: Iterable[int]) -> None:
        """Rows of every team, and restricted ones of the agent's own."""
        self.in_lists = True
        await self.join(*map(doorbells.of_team, teams))
        await self.join(*map(doorbells.of_restricted, self.caller.rights.teams))

    def hear_bell(self, message: dict[str, Any]) -> None:
        conversation, head = message["conversation"], message["head"]
        if conversation in self._coming:
            self._coming[conversation] = max(self._coming[conversation], head)
        elif message.get("again"):
            Doubts.here().add(self, partial(self._tell_head, conversation, head))
        else:
            self._tell_head(conversation, head)

    def hear_row(self, message: dict[str, Any]) -> None:
        if self.in_lists:
            # Processes of the release before may still ring, without what this one added.
            told = {name: message.get(name) for name in ROW}
            told["ours"] = message["team"] in self.caller.rights.teams
            told |= {name: True for name in ("offered", "promised", "called") if message.get(name)}
            self.tell({"is": "row", **told}, key=("row", message["ticket"]))

    def hear_people(self, message: dict[str, Any]) -> None:
        conversation = message["conversation"]
        if conversation in self.watched and message["agent"] != self.agent:
            told = {name: message[name] for name in ("agent", "name", "viewing", "typing")}
            frame = {"is": "people", "conversation": conversation, **told}
            self.tell(frame, key=("people", conversation, message["agent"]))

    def hear_customer(self, message: dict[str, Any]) -> None:
        conversation = message["conversation"]
        if conversation in self.watched:
            told = {"here": message["here"], "typing": message["typing"]}
            frame = {"is": "customer", "conversation": conversation, **told}
            self.tell(frame, key=("customer", conversation))

    def hear_presence(self, message: dict[str, Any]) -> None:
        told = {"agent": message["agent"], "state": message["state"]}
        self.tell({"is": "presence", **told}, key=("presence", message["agent"]))

    def hear_shift(self, message: dict[str, Any]) -> None:
        self.tell({"is": "shift"}, key="shift")

    def hear_rights(self, message: dict[str, Any]) -> None:
        Doubts.here().add(self)

    def hear_teams(self, message: dict[str, Any]) -> None:
        if self.in_lists:
            Doubts.here().add(self)

    def _tell_head(self, conversation: int, head: int) -> None:
        if head > self.watched.get(conversation, head):
            self.watched[conversation] = head
            told = {"is": "bell", "conversation": conversation, "head": head}
            self.tell(told, key=("bell", conversation))


def admit(pass_text: str, session: str) -> Caller | None:
    """Who opens a socket with this pass, from this session. Asks the database."""
    agent = passes.redeem(pass_text, session)
    if agent is None:
        return None
    caller = recognise(session)
    return caller if caller is not None and caller.rights.agent == agent else None


def recognise(session: str) -> Caller | None:
    """Who is signed in by this session; they are here now. Asks the database."""
    caller = rights.callers([session]).get(session)
    if caller is not None:
        presence.renew([caller.rights.agent])
    return caller


def _head_of(agent: int, conversation: int) -> int | None:
    if not rights.may_read(agent, conversation):
        return None
    return rights.heads([conversation]).get(conversation)
