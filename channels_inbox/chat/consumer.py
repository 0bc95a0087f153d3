"""The socket of an open chat window."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from channels_inbox.chat import bells, standing, visitors, window
from channels_inbox.chat.limits import machine_of_scope
from channels_inbox.chat.standing import Standing
from conversations import doorbells
from conversations.consumers.socket import SIGNED_OUT, TOO_MANY, Closed, Socket
from conversations.consumers.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.consumers.frames import Shapes

MOST_OF_VISITOR: Final = 10
MOST_OF_MACHINE: Final = 200
# A page in the background may beat once a minute only.
SILENT_AFTER: Final = 90.0
# Going to the site's next page closes one socket and opens another one.
GRACE: Final = 5.0


class VisitorSocket(Socket):
    """Known by the token in its first frame; it hears of its own stream and nothing else."""

    frames: ClassVar[Shapes] = {
        "hello": {"token": str, "rev": int},
        "typing": {"on": bool},
        "seen": {"rev": int},
        "here": {"on": bool},
        "beat": {},
    }
    hello_within: ClassVar[float] = 10.0

    def __init__(self) -> None:
        super().__init__()
        self.at = Standing(0)
        self._looking = True
        self._alive_at = 0.0
        self._moving: asyncio.Task[None] | None = None

    async def opened(self) -> None:
        if not self.claim(f"machine:{machine_of_scope(self.scope)}", MOST_OF_MACHINE):
            raise Closed(TOO_MANY)

    async def do_hello(self, token: str, rev: int) -> None:
        """Groups are joined before the rev is read: nothing falls between."""
        if self.at.visitor:
            return
        key = self.scope["url_route"]["kwargs"]["key"]
        found = await in_thread(standing.of_token, key, token)
        if found is None:
            raise Closed(SIGNED_OUT)
        if not self.claim(f"visitor:{found.visitor}", MOST_OF_VISITOR):
            raise Closed(TOO_MANY)
        self._beat()
        self.at = found
        await self.join(bells.of_window(found.visitor))
        await self._move(found)
        now = (await in_thread(standing.of, [found.visitor])).get(found.visitor)
        if now is None:
            raise Closed(SIGNED_OUT)
        await self._move(now)
        self.settled()
        self.tell({"is": "ready", "rev": self.at.rev})
        self._say(here=True)

    async def do_typing(self, on: bool) -> None:
        self._known()
        self._say(here=True, typing=on)

    async def do_seen(self, rev: int) -> None:
        self._known()
        await in_thread(_seen, self.at.visitor, rev)

    async def do_here(self, on: bool) -> None:
        """Whether anybody looks at the page. One in the background is no presence."""
        self._known()
        self._looking = on
        if on:
            await in_thread(standing.renew, [self.at.visitor])
        self._say(here=on)

    async def do_beat(self) -> None:
        self._known()

    def hear_bell(self, message: dict[str, Any]) -> None:
        self.tell({"is": "bell", "rev": message["rev"]}, key="bell")

    def hear_seen(self, message: dict[str, Any]) -> None:
        self.tell({"is": "seen", "rev": message["rev"]}, key="seen")

    def hear_typing(self, message: dict[str, Any]) -> None:
        told = {"name": message["name"], "on": message["on"]}
        self.tell({"is": "typing", **told}, key=("typing", message["name"]))

    def hear_who(self, message: dict[str, Any]) -> None:
        if self._looking:
            self._say(here=True)

    def hear_identified(self, message: dict[str, Any]) -> None:
        """The first message made this window somebody's."""
        self._moving = asyncio.get_running_loop().create_task(self._find_place())

    @classmethod
    async def pulse(cls, members: Sequence[Self]) -> None:
        """Where all stand, and the leases of those who look, in a query each."""
        now = asyncio.get_running_loop().time()
        known = [member for member in members if member.at.visitor]
        looking = [
            member.at.visitor
            for member in known
            if member._looking and now - member._alive_at < SILENT_AFTER
        ]
        places = await in_thread(_pulse, [member.at.visitor for member in known], looking)
        for member in known:
            await member._heartbeat(places.get(member.at.visitor))

    async def closed(self) -> None:
        if self._moving is not None:
            self._moving.cancel()
        if self.at.conversation:
            loop = asyncio.get_running_loop()
            loop.call_later(GRACE, lambda: _LEAVING.add(loop.create_task(_say_gone(self.at))))

    async def _heartbeat(self, place: Standing | None) -> None:
        if place is None:
            self.close(SIGNED_OUT)
            return
        await self._move(place)
        self.tell({"is": "beat", "rev": place.rev}, key="beat")
        if self._looking:
            self._say(here=True)

    async def _find_place(self) -> None:
        place = (await in_thread(standing.of, [self.at.visitor])).get(self.at.visitor)
        if place is not None:
            await self._move(place)
            place = (await in_thread(standing.of, [self.at.visitor])).get(self.at.visitor, place)
            self.at = place
            self.tell({"is": "bell", "rev": place.rev}, key="bell")
            self._say(here=True)

    async def _move(self, place: Standing) -> None:
        """Be in the groups of where the window stands now, and in no others."""
        groups = {bells.of_window(place.visitor)}
        if place.stream:
            groups |= {
                doorbells.of_visitor(place.stream),
                doorbells.of_visitors_in(place.conversation),
            }
        self.at = place
        await self.join_only(groups, set(self.groups))

    def _known(self) -> None:
        if not self.at.visitor:
            raise Closed(SIGNED_OUT)
        self._beat()

    def _beat(self) -> None:
        self._alive_at = asyncio.get_running_loop().time()

    def _say(self, *, here: bool, typing: bool = False) -> None:
        if self.at.conversation:
            doorbells.say_customer(self.at.conversation, here=here, typing=typing)


_LEAVING: set[asyncio.Task[None]] = set()


async def _say_gone(place: Standing) -> None:
    """The page was closed, unless another one of the same person is open."""
    try:
        if not await in_thread(standing.came_back, place.stream, GRACE):
            doorbells.say_customer(place.conversation, here=False, typing=False)
            doorbells.ask_visitors(place.conversation)
    finally:
        _LEAVING.discard(asyncio.current_task())


def _seen(visitor: int, rev: int) -> None:
    found = visitors.with_pk(visitor)
    if found is not None:
        window.seen(found, rev)


def _pulse(rows: list[int], looking: list[int]) -> dict[int, Standing]:
    standing.renew(looking)
    return standing.of(rows)
