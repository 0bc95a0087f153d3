"""Clients that go away while we hold their request back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[Any]]


async def unless_gone(work: Coroutine[Any, Any, None], scope: Scope, receive: Receive) -> bool:
    """Do the work; False, and given up, when the client goes away before it is done. The seconds it
    took are scope["held"]: they don't make the request a slow one."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    began = time.perf_counter()
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        scope["held"] = time.perf_counter() - began
    stayed = working.done()
    for task in (working, leaving):
        task.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    if stayed:
        await working
    return stayed


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
