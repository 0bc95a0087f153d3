"""`python -m helpdesk.bench.knockers`: providers and visitors who write to us, without Django.

Reads one JSON object from its input: where to knock, who, how often, for how long. Each call is
made at its time, whether those before it were answered or not; how long it took counts from then.
Prints one JSON object: the answers' statuses, and the milliseconds of each sort.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import random
import re
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from helpdesk.bench.mails import mail

LINES: Final = 40
MESSAGE_ID: Final = re.compile(rb"Message-ID: <[0-9a-f]+@")
PATIENCE: Final = 30.0
PAUSE: Final = 2.0


@dataclass
class Knocker:
    """`told` is what to do: port, rate, seconds, and for mail `hook` and `secret`, for chats `key`
    and `tokens`."""

    told: dict[str, Any]
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    statuses: Counter[str] = field(default_factory=Counter)
    times: dict[str, list[float]] = field(default_factory=lambda: {"mail": [], "chat": []})
    free: asyncio.LifoQueue[Line] = field(default_factory=asyncio.LifoQueue)

    async def knock(self) -> dict[str, Any]:
        """All calls, each at its time."""
        for _ in range(LINES):
            self.free.put_nowait(Line(self.told["port"]))
        rate, count = self.told["rate"], int(self.told["rate"] * self.told["seconds"])
        # Written before: making a mail costs more than sending one.
        calls = [self._call(number) for number in range(min(count, 2000))]
        began = time.perf_counter() + 0.2
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                at = began + number / rate
                await asyncio.sleep(max(0.0, at - time.perf_counter()))
                group.create_task(self._one(at, *self._renewed(number, calls)))
        took = time.perf_counter() - began
        return {"statuses": self.statuses, "times": self.times, "took": took, "count": count}

    async def _one(self, at: float, sort: str, request: bytes) -> None:
        line = await self.free.get()
        try:
            async with asyncio.timeout(PATIENCE):
                status = await line.ask(request)
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            status, line = type(error).__name__, Line(self.told["port"])
        self.free.put_nowait(line)
        self.statuses[status] += 1
        self.times[sort].append((time.perf_counter() - at) * 1000)

    def _call(self, number: int) -> bytes:
        """A mail; chats are short enough to be written at their time."""
        sender = f"bench-{self.rng.getrandbits(60):015x}@mail.example"
        return mail(self.rng, sender=sender, name="Be Nch", to="bench@seed.example")

    def _renewed(self, number: int, calls: list[bytes]) -> tuple[str, bytes]:
        """The call of this number: every other one a mail, none like another."""
        if number % 2:
            return "chat", self._chat(number)
        name = b"Message-ID: <%s@" % uuid.uuid4().hex.encode()
        return "mail", self._mail(MESSAGE_ID.sub(name, calls[number % len(calls)], count=1))

    def _mail(self, body: bytes) -> bytes:
        now = str(int(time.time()))
        mac = hmac.digest(self.told["secret"].encode(), now.encode() + b"." + body, "sha256")
        headers = {
            "Content-Type": "message/rfc822",
            "X-Helpdesk-Timestamp": now,
            "X-Helpdesk-Signature": f"v1={mac.hex()}",
        }
        return self._request(self.told["hook"], headers, body)

    def _chat(self, number: int) -> bytes:
        told = {"client_token": str(uuid.uuid4()), "text": f"Message {number} of a benchmark."}
        tokens = self.told["tokens"]
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {tokens[number // 2 % len(tokens)]}",
        }
        return self._request(f"/w/{self.told['key']}/messages/", headers, json.dumps(told).encode())

    def _request(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.told['port']}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


class Line:
    """One kept-alive connection, made anew after a pause: the server closes those it hears nothing
    on."""

    def __init__(self, port: int) -> None:
        self.port, self.used = port, 0.0
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> str:
        """The status of the answer."""
        if self.streams is None or time.monotonic() - self.used > PAUSE:
            if self.streams:
                self.streams[1].close()
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        sizes = [line.partition(":")[2] for line in head if line.lower().startswith("content-len")]
        await reader.readexactly(int(sizes[0]))
        self.used = time.monotonic()
        return head[0].split()[1]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(Knocker(json.loads(sys.stdin.readline())).knock())))
