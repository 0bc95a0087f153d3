"""Reads that wait for news, for windows whose network lets no websocket through.

They wait here, before Django, where a view would keep a thread and a database connection; then the
view answers as it would have.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from channels_inbox.chat import bells, standing
from conversations import doorbells
from conversations.consumers.leaving import unless_gone
from conversations.consumers.member import Member
from conversations.consumers.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[Any]]
    Send = Callable[[Any], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

PATH: Final = re.compile(r"/w/([-\w]+)/since/")
HELD_FOR: Final = 20.0
MOST_OF_VISITOR: Final = 4


class Waiter(Member):
    """One request that waits for the bell of its stream."""

    def __init__(self) -> None:
        super().__init__()
        self._rung = asyncio.Event()

    def hear_bell(self, message: dict[str, Any]) -> None:
        self._rung.set()

    def hear_identified(self, message: dict[str, Any]) -> None:
        self._rung.set()

    def hear_seen(self, message: dict[str, Any]) -> None:
        self._rung.set()

    def restart(self, crowd: int) -> None:
        self._rung.set()

    async def wait(self, place: standing.Standing, rev: int, seconds: float) -> None:
        """Until the stream is past `rev`. Groups are joined before it is read once more."""
        await self.join(bells.of_window(place.visitor))
        if place.stream:
            await self.join(doorbells.of_visitor(place.stream))
        now = (await in_thread(standing.of, [place.visitor])).get(place.visitor)
        if now is None or now.rev != rev:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()


class HeldReads:
    """Holds GET /w/<key>/since/?rev=N&wait=S back until there is something after N, S seconds at
    most (and 20)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seconds = _seconds(scope)
        if not seconds:
            await self.app(scope, receive, send)
            return
        first = await receive()
        if await unless_gone(_hold(scope, seconds), scope, receive):
            await self.app(scope, _begun_with(first, receive), send)


def _seconds(scope: Scope) -> float:
    """How long the request may wait; 0 for any other one."""
    if scope["type"] != "http" or scope["method"] != "GET" or not PATH.fullmatch(scope["path"]):
        return 0.0
    return min(_number(scope, "wait"), HELD_FOR)


async def _hold(scope: Scope, seconds: float) -> None:
    match = PATH.fullmatch(scope["path"])
    assert match is not None
    place = await in_thread(standing.of_token, match[1], _bearer(scope))
    if place is None:
        return
    waiter = Waiter()
    await waiter.hub.add(waiter)
    try:
        if waiter.claim(f"waits:{place.visitor}", MOST_OF_VISITOR):
            await waiter.wait(place, _number(scope, "rev"), seconds)
    finally:
        await waiter.gone()


def _begun_with(first: Any, receive: Receive) -> Receive:
    """What was received already, then the rest."""
    waiting = [first]

    async def give() -> Any:
        return waiting.pop() if waiting else await receive()

    return give


def _number(scope: Scope, name: str) -> int:
    text = parse_qs(scope["query_string"].decode("latin-1")).get(name, ["0"])[0]
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _space, token = value.decode("latin-1").partition(" ")
            return token.strip()[:200] if scheme.lower() == "bearer" else ""
    return ""
