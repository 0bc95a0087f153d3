"""Which request or task a log line belongs to, and how many there were of each.

Every request has an id, in its log lines and in the answer's X-Request-ID; a proxy of ours may give
it. Every run of a task has Celery's.
"""

import re
import time
from collections.abc import Iterable
from typing import Any, Final
from uuid import uuid4

from celery.signals import task_postrun, task_prerun
from django.conf import settings
from structlog.contextvars import bind_contextvars, clear_contextvars

from helpdesk.bodies import App, Message, Receive, Scope, Send
from helpdesk.metrics import counting

HEADER: Final = b"x-request-id"
GOOD: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
LEFT: Final = "left"


class Traced:
    """Names every request and socket, and counts them by the first part of their path, of those
    in `doors`."""

    def __init__(self, app: App, doors: Iterable[str]) -> None:
        self.app, self.doors = app, frozenset(doors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, status, began = name_of(scope), 0, time.perf_counter()
        bind_contextvars(request_id=name.decode())

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, name)]
            await send(message)

        try:
            await self.app(scope, receive, named)
        # Whatever broke before it answered, uvicorn answers it with 500.
        except Exception:
            status = status or 500
            raise
        finally:
            self._count(scope, status, time.perf_counter() - began)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        bind_contextvars(request_id=name_of(scope).decode())
        sort = "chat" if scope["path"].startswith("/ws/chat/") else "desk"
        sockets = counting.mine().sockets
        sockets[sort] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            sockets[sort] -= 1

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        """`status` is 0 where whoever asked went away before they were answered. Time for which
        we had nothing to tell them, "held", is no work of ours."""
        first = scope["path"].split("/", 2)[1]
        door = first if first in self.doors else OTHER
        method = scope["method"] if scope["method"] in METHODS else OTHER
        counts = counting.mine()
        counts.add("requests", door, method, f"{status // 100}xx" if status else LEFT)
        counts.took("request_seconds", door, seconds=max(seconds - scope.get("held", 0), 0))


def name_of(scope: Scope) -> bytes:
    """The id a proxy of ours gave it, or a new one."""
    if settings.TRUSTED_PROXY_COUNT:
        for name, value in scope["headers"]:
            if name == HEADER and GOOD.fullmatch(value):
                return bytes(value)
    return uuid4().hex.encode()


def doors() -> list[str]:
    """The first parts of all our paths."""
    from django.urls import get_resolver

    found = set()
    for pattern in get_resolver().url_patterns:
        inner = getattr(pattern, "url_patterns", [])
        texts = [pattern] if str(pattern.pattern) else inner
        found |= {str(one.pattern).split("/")[0] for one in texts}
    return [text for text in found if text and "<" not in text]


def begin(task_id: str = "", task: Any = None, **rest: Any) -> None:
    """Threads of a worker run one task after the other: each line belongs to one."""
    clear_contextvars()
    bind_contextvars(task_id=task_id, task=task.name)
    task.request.began = time.perf_counter()


def end(task: Any = None, state: str = "", **rest: Any) -> None:
    """Count it by its name, which is one of ours."""
    began = getattr(task.request, "began", None)
    counts = counting.mine()
    counts.add("tasks", task.name, str(state).lower() or OTHER)
    if began is not None:
        counts.took("task_seconds", task.name, seconds=time.perf_counter() - began)
    clear_contextvars()


task_prerun.connect(begin)
task_postrun.connect(end)
