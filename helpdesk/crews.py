"""The threads that answer requests, no more of them than there are database connections.

Each request at work has a thread and a connection of its own. Without a limit a crowd of pages that
catch up at once takes all connections, waits for more of them, and fails. Doors have threads that
no page can take: a crowd at the desk delays no provider and no visitor.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.conf import settings
from django.db import close_old_connections, connections

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# Connections left for sockets, which ask in threads of their own.
FOR_SOCKETS: Final = 2
MOST_AT_DOORS: Final = 4
WITHOUT_POOL: Final = 10
IDLE_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Job:
    """`done` belongs to `loop`; once cancelled, nobody waits for it any more."""

    work: Callable[[], Any]
    context: contextvars.Context
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class Crew:
    """`size` threads, which take jobs in the order they came. They start with the first job.

    One that `keeps` its connection has it until no job came for a second, or until an error: going
    back to the pool after each would ask the database whether it is there each time.
    """

    def __init__(
        self, name: str, size: int, *, keeps: bool = False, until_idle: float = IDLE_SECONDS
    ) -> None:
        self.name, self.size, self.keeps, self.until_idle = name, size, keeps, until_idle
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    async def do(self, work: Callable[[], T]) -> T:
        """Have it done; cancelled before its turn, it isn't."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        if not self._threads:
            self._start()
        self._jobs.put(Job(work, contextvars.copy_context(), loop, done))
        return await done

    def dismiss(self) -> None:
        """End the threads once what was begun is done. A later job starts others."""
        with self._lock:
            leaving, self._threads = self._threads, []
            for _ in leaving:
                self._jobs.put(None)
        for thread in leaving:
            thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._threads:
                return
            names = (f"{self.name}-{number}" for number in range(self.size))
            made = [threading.Thread(target=self._work, name=one, daemon=True) for one in names]
            for thread in made:
                thread.start()
            self._threads = made

    def _work(self) -> None:
        while job := self._next():
            _do(job)
            self._settle()
        connections.close_all()

    def _next(self) -> Job | None:
        with suppress(queue.Empty):
            return self._jobs.get(timeout=self.until_idle)
        connections.close_all()
        return self._jobs.get()

    def _settle(self) -> None:
        if not self.keeps or any(one.errors_occurred for one in connections.all(True)):
            close_old_connections()


def _do(job: Job) -> None:
    if job.done.cancelled():
        return
    try:
        found, error = job.context.run(job.work), None
    except BaseException as raised:  # noqa: BLE001 - whoever waits gets it
        found, error = None, raised
    with suppress(RuntimeError):  # its loop has ended, and whoever waited with it
        job.loop.call_soon_threadsafe(_tell, job.done, found, error)


def _tell(done: asyncio.Future[Any], found: Any, error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(found)
    else:
        done.set_exception(error)


@dataclass(frozen=True)
class Shares:
    """How many requests of each sort are at work at once."""

    pages: int
    doors: int

    @classmethod
    def of(cls, pool: int) -> Shares:
        """Of a pool of so many connections (0 for none): a third for doors, some for sockets."""
        if not pool:
            return cls(WITHOUT_POOL, MOST_AT_DOORS)
        doors = max(1, min(MOST_AT_DOORS, pool // 3))
        return cls(max(1, pool - FOR_SOCKETS - doors), doors)


SHARES: Final = Shares.of(settings.POOL_SIZE)
PAGES: Final = Crew("page", SHARES.pages)
# Of very few connections none is kept, as somebody else waits for it.
DOORS: Final = Crew("door", SHARES.doors, keeps=settings.POOL_SIZE not in range(1, 4))
