"""The base of our websockets: framing, limits, sending, closing. What is said, subclasses know."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any, ClassVar, Final

import structlog
from django.db import InterfaceError, OperationalError

from conversations.consumers import frames
from conversations.consumers.member import Member

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

BAD_FRAME: Final = 4400
SIGNED_OUT: Final = 4401
RIGHTS_CHANGED: Final = 4403
TOO_MANY: Final = 4429
RESTART: Final = 1012
TRY_AGAIN: Final = 1013

# Frames a client may send at once, and in a second.
BURST: Final = 40
RATE: Final = 10.0
MOST_UNSENT: Final = 500
# After a restart this many come back in a second.
RETURNS: Final = 30

log = structlog.get_logger(__name__)


class Closed(Exception):
    """End this socket with a code; `reason` goes to the client."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code)
        self.code, self.reason = code, reason


class Socket(Member):
    """One connection. `frames` names what a client may send; {"do": "typing", "on": true} calls
    `do_typing(on=True)`. `hello_within` is how many seconds a client has before `settled()` must
    have been called, 0 for no limit."""

    frames: ClassVar[frames.Shapes] = {}
    hello_within: ClassVar[float] = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._unsent: dict[Hashable, dict[str, Any]] = {}
        self._writer: asyncio.Task[None] | None = None
        self._bye: Closed | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._allowance, self._allowed_at = float(BURST), 0.0

    @classmethod
    def as_asgi(cls) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await cls()._run(scope, receive, send)

        return app

    async def opened(self) -> None:
        """After the connection was accepted: say who you are talking to, or raise Closed."""

    async def closed(self) -> None:
        """The connection has ended, for whatever reason; its groups are left already."""

    def tell(self, frame: dict[str, Any], key: Hashable = None) -> None:
        """Send a frame. Of those with one `key` that wait for a slow client, the last wins."""
        if self._bye is not None:
            return
        key = key if key is not None else object()
        self._unsent.pop(key, None)
        self._unsent[key] = frame
        if len(self._unsent) > MOST_UNSENT:
            self.close(TRY_AGAIN)
        self._wake_writer()

    def close(self, code: int, reason: str = "") -> None:
        """End the connection. Nothing is sent any more, not even what waited."""
        if self._bye is None:
            self._bye = Closed(code, reason)
            self._unsent.clear()
            self._wake_writer()

    def restart(self, crowd: int) -> None:
        """The reason says after how many seconds to come back, so that not all do at once."""
        self.close(RESTART, f"{random.uniform(0, crowd / RETURNS):.2f}")

    def settled(self) -> None:
        """We know who this is: `hello_within` is over."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def hear(self, message: dict[str, Any]) -> None:
        if self._bye is None:
            super().hear(message)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._send = scope, send
        await receive()
        if self.hub.closing:
            await send({"type": "websocket.close", "code": RESTART})
            return
        await send({"type": "websocket.accept"})
        await self.hub.add(self)
        try:
            await self._converse(receive)
        except Closed as bye:
            self.close(bye.code, bye.reason)
        except (OperationalError, InterfaceError):
            self.close(TRY_AGAIN)
        except Exception:  # one socket that trips must not take the others of its process along
            log.exception("socket_failed", sort=type(self).__name__)
            self.close(1011)
        finally:
            await self._end()

    async def _converse(self, receive: Receive) -> None:
        if self.hello_within:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self.hello_within, self.close, SIGNED_OUT)
        await self.opened()
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            if self._bye is None:
                await self._take(event.get("text"))

    async def _take(self, text: str | None) -> None:
        self._spend()
        try:
            name, told = frames.read(text, self.frames)
        except frames.BadFrame:
            raise Closed(BAD_FRAME) from None
        await getattr(self, f"do_{name}")(**told)

    def _spend(self) -> None:
        now = asyncio.get_running_loop().time()
        gained = (now - self._allowed_at) * RATE
        self._allowance, self._allowed_at = min(BURST, self._allowance + gained) - 1, now
        if self._allowance < 0:
            raise Closed(TOO_MANY)

    def _wake_writer(self) -> None:
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        """Send all that waits, then the goodbye if there is one. One task while there is work."""
        try:
            while self._unsent:
                frame = self._unsent.pop(next(iter(self._unsent)))
                await self._send({"type": "websocket.send", "text": _encoded(frame)})
            if self._bye is not None:
                told = {"code": self._bye.code, "reason": self._bye.reason}
                await self._send({"type": "websocket.close", **told})
        except Exception:  # noqa: BLE001 - the connection is gone; receiving tells the same
            self._unsent.clear()
        finally:
            self._writer = None

    async def _end(self) -> None:
        self.settled()
        await self.gone()
        await self.closed()
        if self._writer is not None:
            await self._writer


def _encoded(frame: dict[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
