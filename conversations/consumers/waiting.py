"""The long poll, for networks that let no websocket through: the frames of the desk's socket.

It stands before Django: there a view that waits would keep a thread and a database connection.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http.request import split_domain_port, validate_host

from conversations import doorbells
from conversations.consumers import rights
from conversations.consumers.agents import MOST_SOCKETS, AgentMember, recognise
from conversations.consumers.frames import LARGEST
from conversations.consumers.leaving import unless_gone
from conversations.consumers.socket import SIGNED_OUT
from conversations.consumers.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[Any]]
    Send = Callable[[Any], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

PATH: Final = "/live/wait/"
HELD_FOR: Final = 20.0
# Where one thing changes, more follows at once; who looks and types may wait a little.
GATHER: Final = 0.03
UNHURRIED: Final = 1.0
HURRIED: Final = {"bell", "row", "gone"}
# Goes along with what is told anyway.
IN_PASSING: Final = {"presence"}


@dataclass(frozen=True)
class Wish:
    """What a poll asks for: a conversation (0: none) past a head, and lists."""

    conversation: int
    head: int
    lists: bool

    @classmethod
    def read(cls, query: bytes) -> Self | None:
        """None for nonsense."""
        told = {name: values[0] for name, values in parse_qs(query.decode("latin-1")).items()}
        conversation, head = _number(told, "conversation"), _number(told, "head")
        if conversation is None or head is None:
            return None
        wish = cls(conversation, head, told.get("lists") == "1")
        return wish if wish.conversation or wish.lists else None


class Poll(AgentMember):
    """One request that waits."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: dict[Hashable, dict[str, Any]] = {}
        self.code = 0
        self._rung = asyncio.Event()

    @property
    def is_over(self) -> bool:
        return bool(self.code)

    def tell(self, frame: dict[str, Any], key: Hashable = None) -> None:
        self.frames[key if key is not None else object()] = frame
        if frame["is"] in HURRIED:
            self._rung.set()
        elif frame["is"] not in IN_PASSING:
            asyncio.get_running_loop().call_later(UNHURRIED, self._rung.set)

    def close(self, code: int, reason: str = "") -> None:
        self.code = self.code or code
        self._rung.set()

    def restart(self, crowd: int) -> None:
        self._rung.set()

    async def wait(self, wish: Wish) -> None:
        """Until there is something to tell, or for 20 s."""
        await self.join(doorbells.of_agent(self.agent), doorbells.DESK)
        if wish.lists:
            await self.join_lists(await in_thread(rights.every_team))
        if wish.conversation and await self.watch(wish.conversation, wish.head):
            doorbells.say_people(
                wish.conversation,
                agent=self.agent,
                name=self.caller.name,
                viewing=True,
                typing="",
            )
        with suppress(TimeoutError):
            async with asyncio.timeout(HELD_FOR):
                await self._rung.wait()
                await asyncio.sleep(GATHER)
        if not self.frames:
            self.frames[""] = {"is": "beat", "heads": self.watched}


class LongPolls:
    """Answers GET /live/wait/?conversation=ID&head=N&lists=1 with a JSON list of frames: 401 to who
    isn't signed in, 403 when rights changed (load the page again), 429 for too many at once."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self.app(scope, receive, send)
        elif scope["method"] != "GET":
            await _answer(send, 405, {"error": "method"})
        elif not _knows_host(scope) or (wish := Wish.read(scope["query_string"])) is None:
            await _answer(send, 400, {"error": "request"})
        else:
            try:
                await self._poll(wish, scope, receive, send)
            except (OperationalError, InterfaceError):
                await _answer(send, 503, {"error": "database"})

    async def _poll(self, wish: Wish, scope: Scope, receive: Receive, send: Send) -> None:
        caller = await in_thread(recognise, rights.session_key(scope))
        if caller is None:
            await _answer(send, 401, {"error": "signed_out"})
            return
        poll = Poll()
        poll.caller = caller
        await poll.hub.add(poll)
        try:
            if not poll.claim(f"agent:{poll.agent}", MOST_SOCKETS):
                await _answer(send, 429, {"error": "too_many"})
            elif await unless_gone(poll.wait(wish), scope, receive):
                await _told(send, poll)
        finally:
            await poll.gone()


async def _told(send: Send, poll: Poll) -> None:
    if poll.code == SIGNED_OUT:
        await _answer(send, 401, {"error": "signed_out"})
    elif poll.code:
        await _answer(send, 403, {"error": "rights_changed"})
    else:
        await _answer(send, 200, list(poll.frames.values()))


async def _answer(send: Send, status: int, told: object) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"vary", b"Cookie"),
        (b"x-content-type-options", b"nosniff"),
    ]
    body = json.dumps(told, separators=(",", ":")).encode()
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _number(told: Mapping[str, str], name: str) -> int | None:
    text = told.get(name, "0")
    fine = text.isascii() and text.isdecimal() and len(text) < len(str(LARGEST))
    return int(text) if fine else None


def _knows_host(scope: Mapping[str, Any]) -> bool:
    for name, value in scope["headers"]:
        if name == b"host":
            domain, _port = split_domain_port(value.decode("latin-1"))
            return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
    return False
