"""No request fills the disk before a view could refuse it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from helpdesk.bodies import LimitedBodies

LIMIT = 10


def answer(chunks: Iterable[bytes], headers: Iterable[tuple[bytes, bytes]] = ()) -> tuple[int, int]:
    """Status, and how many bytes reached the application."""
    waiting, said, reached = list(chunks), [], 0

    async def receive() -> dict[str, Any]:
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        said.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal reached
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            reached += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})

    scope = {"type": "http", "headers": list(headers)}
    asyncio.run(LimitedBodies(app, LIMIT)(scope, receive, send))
    return said[0]["status"], reached


def test_a_small_body_passes() -> None:
    assert answer([b"12345", b"67890"]) == (200, 10)


def test_an_announced_large_one_is_refused_unread() -> None:
    assert answer([b"x"], [(b"content-length", b"11")]) == (413, 0)


@pytest.mark.parametrize("length", [b"", b"3", b"-1", b"nonsense"])
def test_a_large_one_without_or_with_a_false_length_is_cut(length: bytes) -> None:
    assert answer([b"12345678", b"9012", b"more"], [(b"content-length", length)]) == (413, 8)
