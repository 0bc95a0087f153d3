"""Questions to the database from the event loop.

In threads of their own: the one that Channels shares would make all sockets wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
R = TypeVar("R")

# A reconnecting crowd must leave database connections for pages.
EXECUTOR: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sockets")


async def in_thread(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that asks the database; its connection is given back afterwards."""
    ask = database_sync_to_async(function, thread_sensitive=False, executor=EXECUTOR)
    found: R = await ask(*args, **kwargs)
    return found
