"""Clients that go away while we hold their request back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    Receive = Callable[[], Awaitable[Any]]


async def unless_gone(work: Coroutine[Any, Any, None], receive: Receive) -> bool:
    """Do the work; False, and given up, when the client goes away before it is done."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
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
