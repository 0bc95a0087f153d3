"""`python -m helpdesk.bench.onlookers`: many open pages, in a process of their own, without Django.

Reads one JSON object from its input, what to open; prints "ready" when all is open. Each page that
hears a bell asks what changed, as a browser does. The next line of input is a list of what has to
be shown, "<conversation>.<head>" each; when all of it is, or after a while, it prints when it heard
of what and when it had the answer, in nanoseconds of the monotonic clock, and ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.typing import Origin

AT_ONCE: Final = 40
# A list asks for changed rows once a second at most.
LIST_PAUSE: Final = 1.0
PATIENCE: Final = 15.0


@dataclass
class Seen:
    """When each (conversation, head) was heard of and shown."""

    heard: dict[str, int] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    lists_asked: int = 0


class Line:
    """One kept-alive HTTP connection, as a browser has one."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port, self.cookie = port, cookie
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> bytes:
        """Once more on a new connection where the server has closed an idle one."""
        kept = self.streams is not None
        try:
            return await self._get(path)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.streams = None
            if not kept:
                raise
            return await self._get(path)

    async def _get(self, path: str) -> bytes:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: application/json\r\n"
            f"Cookie: {self.cookie}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status, _, rest = head.decode("latin-1").partition("\r\n")
        if " 200 " not in f"{status} ":
            raise RuntimeError(f"{path}: {status}")
        for line in rest.split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                return await reader.readexactly(int(value))
        raise RuntimeError(f"{path}: no length")


async def page(told: dict[str, Any], port: int, seen: Seen, ready: asyncio.Semaphore) -> None:
    """Open one page and look at it until cancelled."""
    async with connect(
        f"ws://127.0.0.1:{port}{told['socket']}",
        origin=Origin(f"http://127.0.0.1:{port}"),
        additional_headers={"Cookie": told["cookie"]},
        compression=None,
        max_queue=None,
    ) as socket:
        await socket.recv()
        for frame in told["say"]:
            await socket.send(json.dumps(frame))
        ready.release()
        line = Line(port, told["cookie"])
        if told["lists"]:
            await look_at_list(socket, line, told, seen)
        else:
            await look_at_conversation(socket, line, told, seen)


async def look_at_conversation(socket: Any, line: Line, told: dict[str, Any], seen: Seen) -> None:
    head = told["head"]
    async for text in socket:
        frame = json.loads(text)
        if frame["is"] != "bell":
            continue
        place = frame["conversation"]
        seen.heard[f"{place}.{frame['head']}"] = time.monotonic_ns()
        if frame["head"] > head:
            answer = await line.get(f"{told['fetch']}{head}")
            head = json.loads(answer)["head"]
            if told.get("wants", "").encode() in answer:
                seen.shown[f"{place}.{head}"] = time.monotonic_ns()


async def look_at_list(socket: Any, line: Line, told: dict[str, Any], seen: Seen) -> None:
    wanted: set[int] = set()
    asking: asyncio.Task[None] | None = None

    async def ask() -> None:
        await asyncio.sleep(LIST_PAUSE)
        ids = ",".join(map(str, wanted))
        wanted.clear()
        seen.lists_asked += 1
        await line.get(f"{told['fetch']}{ids}")

    async for text in socket:
        frame = json.loads(text)
        if frame["is"] == "row" and _concerns(frame, told):
            wanted.add(frame["ticket"])
            if asking is None or asking.done():
                asking = asyncio.create_task(ask())


def _concerns(row: dict[str, Any], told: dict[str, Any]) -> bool:
    """As the list page itself decides it (rows.js), with the rows it was opened with."""
    if row["ticket"] in told["shown"]:
        return True
    if row["status"] != "open" or told["owner"] not in ("any", row["owner"]):
        return False
    if told["ours"] and not row["ours"]:
        return False
    return not told["last"] or _moment(row["place"]) <= _moment(told["last"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def main() -> None:
    told = json.loads(sys.stdin.readline())
    seen, ready, opening = Seen(), asyncio.Semaphore(0), asyncio.Semaphore(AT_ONCE)
    pages: list[asyncio.Task[None]] = []

    async def opened(one: dict[str, Any]) -> None:
        async with opening:
            pages.append(asyncio.create_task(page(one, told["port"], seen, ready)))
            await ready.acquire()

    opening_all = asyncio.gather(*(opened(one) for one in told["pages"]))
    while not opening_all.done():
        await asyncio.sleep(0.1)
        for task in pages:
            if task.done():
                task.result()
    print("ready", flush=True)
    wanted = set(json.loads(await asyncio.to_thread(sys.stdin.readline)))
    until = time.monotonic() + PATIENCE
    while wanted - set(seen.shown) and time.monotonic() < until:
        await asyncio.sleep(0.1)
    broken = [task for task in pages if task.done()]
    for task in pages:
        task.cancel()
    await asyncio.gather(*pages, return_exceptions=True)
    told = {"heard": seen.heard, "shown": seen.shown, "lists_asked": seen.lists_asked}
    print(json.dumps(told | {"broken": [repr(task.exception()) for task in broken]}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
