"""`python -m helpdesk.bench.bare PORT`: the least that live can cost here.

A script apart, without Django and without our code: uvicorn, one Redis subscription, sockets that
are told what was published for their number, and an answer of fixed size for who asks then.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

import uvicorn
from redis import asyncio as aioredis

CHANNEL: Final = "bench-live"
# About what a catch-up with one row weighs.
FILLING: Final = "x" * 3000

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

sockets: dict[int, set[Send]] = defaultdict(set)
heads: dict[int, int] = {}


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    number = int(parse_qs(scope["query_string"].decode())["c"][0])
    if scope["type"] == "websocket":
        await listen(number, receive, send)
    else:
        body = json.dumps({"head": heads.get(number, 0), "rows": FILLING}).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def listen(number: int, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": '{"is":"ready"}'})
    sockets[number].add(send)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    sockets[number].discard(send)


async def publish(ear: Any) -> None:
    async for told in ear.listen():
        if told["type"] != "message":
            continue
        number, head = json.loads(told["data"])
        heads[number] = head
        text = json.dumps({"is": "bell", "conversation": number, "head": head})
        for send in list(sockets[number]):
            await send({"type": "websocket.send", "text": text})


async def main(port: int) -> None:
    ear = aioredis.Redis.from_url(os.environ["REDIS_URL"]).pubsub()
    await ear.subscribe(CHANNEL)
    hearing = asyncio.create_task(publish(ear))
    config = uvicorn.Config(
        app,
        port=port,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
    await uvicorn.Server(config).serve()
    hearing.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
