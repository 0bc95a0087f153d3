"""Many open pages, each with its own idea of its conversation, told by doorbells and catch-up only."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

from conversations import passes
from helpdesk.bench.onlookers import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SLOWEST = 2.0


@dataclass
class Page:
    """One agent's open conversation. `rows` is what it shows, by key; `ends` are the codes its
    sockets were closed with."""

    agent: int
    session: str
    conversation: int
    head: int = 0
    highest: int = 0
    rows: dict[str, str] = field(default_factory=dict)
    heard_at: float = 0.0
    drawn: int = 0
    began: int = 0
    ends: list[int] = field(default_factory=list)
    opened_at: list[float] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    socket: Any = None

    @property
    def cookie(self) -> str:
        return f"sessionid={self.session}"


class Crowd:
    """Pages in a thread of their own. `port` may change: then they come back there."""

    def __init__(self, port: int, pages: Sequence[Page]) -> None:
        self.port, self.pages, self.errors = port, list(pages), list[str]()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self._stop = threading.Event()

    def __enter__(self) -> Crowd:
        self._thread.start()
        self.until(lambda: all(page.opened_at for page in self.pages), 60)
        return self

    def __exit__(self, *told: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def until(self, good: Callable[[], bool], seconds: float) -> float:
        """Wait for something; how long it took. Fails with what is known when it doesn't come."""
        began = time.monotonic()
        while not good():
            assert time.monotonic() - began < seconds, self.told()
            time.sleep(0.05)
        return time.monotonic() - began

    def told(self) -> str:
        behind = [(page.conversation, page.head, page.highest, page.ends) for page in self.pages]
        return f"errors {self.errors[:5]}, pages {behind[:10]}"

    def reconnect_all(self) -> None:
        """Every line is cut at this moment."""
        self._loop.call_soon_threadsafe(
            lambda: [page.socket.transport.abort() for page in self.pages if page.socket]
        )

    async def _all(self) -> None:
        self._loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(self._live(page)) for page in self.pages]
        tasks += [asyncio.create_task(self._read(page)) for page in self.pages]
        await asyncio.to_thread(self._stop.wait)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, page: Page) -> None:
        """One socket after the other, as the desk's script opens them."""
        tries = 0
        while True:
            wait = random.uniform(0, min(SLOWEST, 0.1 * 2**tries))
            try:
                await self._listen(page)
            except ConnectionClosed as end:
                code, reason = (end.rcvd.code, end.rcvd.reason) if end.rcvd else (1006, "")
                page.ends.append(code)
                if code in (4401, 4403):
                    return
                tries, wait = 0, float(reason or wait) if code == 1012 else wait
            except (OSError, InvalidHandshake, TimeoutError):
                tries += 1
            page.socket = None
            await asyncio.sleep(wait)

    async def _listen(self, page: Page) -> None:
        port = self.port
        text = await asyncio.to_thread(passes.issue, page.agent, page.session)
        async with connect(
            f"ws://127.0.0.1:{port}/ws/desk/?ticket={text}",
            origin=Origin(f"http://127.0.0.1:{port}"),
            additional_headers={"Cookie": page.cookie},
            compression=None,
        ) as socket:
            await socket.recv()
            page.socket = socket
            told = {"do": "watch", "conversation": page.conversation, "head": page.head}
            await socket.send(json.dumps(told))
            page.opened_at.append(time.monotonic())
            while True:
                self._hear(page, json.loads(await socket.recv()))

    def _hear(self, page: Page, frame: dict[str, Any]) -> None:
        head = 0
        if frame["is"] == "bell":
            head = frame["head"]
        elif frame["is"] == "beat":
            head = frame["heads"].get(str(page.conversation), 0)
        page.heard_at = time.monotonic()
        if head > page.highest:
            page.highest = head
            page.asked.set()

    async def _read(self, page: Page) -> None:
        """Catch up whenever a bell says so."""
        line = Line(self.port, page.cookie)
        while True:
            await page.asked.wait()
            page.asked.clear()
            try:
                while page.head < page.highest:
                    await self._catch_up(page, line)
            except (OSError, asyncio.IncompleteReadError, RuntimeError) as error:
                self.errors.append(f"{type(error).__name__}: {error}")
                line = Line(self.port, page.cookie)
                page.asked.set()
                await asyncio.sleep(random.uniform(0.1, 0.5))

    async def _catch_up(self, page: Page, line: Line) -> None:
        path = f"/conversations/{page.conversation}/since/?rev={page.head}"
        told = json.loads(await line.get(path))
        for row in told["rows"]:
            page.drawn += page.rows.get(row["key"]) != row["html"]
            page.rows[row["key"]] = row["html"]
        page.head = told["head"]
        page.highest = max(page.highest, page.head)


def fresh(port: int, page: Page) -> dict[str, str]:
    """What changed since the page was opened, as one that is opened now shows it."""

    async def read() -> dict[str, str]:
        rows: dict[str, str] = {}
        line, head, more = Line(port, page.cookie), page.began, True
        while more:
            told = json.loads(
                await line.get(f"/conversations/{page.conversation}/since/?rev={head}")
            )
            rows |= {row["key"]: row["html"] for row in told["rows"]}
            head, more = told["head"], told["more"]
        return rows

    return asyncio.run(read())
