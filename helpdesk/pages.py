"""Django over ASGI: a request goes through middleware and view in one thread, and back at once.

All our views are plain functions. Django's own ASGI handler would make a thread for each request
and change between it and the event loop six times.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core import signals
from django.core.handlers.asgi import ASGIRequest, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.http import FileResponse, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.urls import set_script_prefix

from helpdesk import crews, doors

if TYPE_CHECKING:
    from typing import IO

    from django.http.response import HttpResponseBase

    from helpdesk.bodies import Receive, Scope, Send

CHUNK: Final = 2**16
ENDED: Final[dict[str, Any]] = {"type": "http.response.body"}


class Pages(BaseHandler):
    """A request takes its turn with its crew once all of it has arrived: who sends or reads slowly
    keeps no thread."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _arrived(receive)
        if body is None:
            return
        if doors.find(scope["path"]):
            # What somebody brought is kept, also when they didn't wait for the answer.
            await _send(await crews.DOORS.do(partial(self._at_door, scope, body)), send)
            return
        left = asyncio.ensure_future(_left(receive))
        try:
            await self._shown(scope, body, left, send)
        finally:
            left.cancel()

    async def _shown(
        self, scope: Scope, body: IO[bytes], left: asyncio.Future[None], send: Send
    ) -> None:
        """Nothing is begun for who has left before their turn."""
        page = asyncio.ensure_future(crews.PAGES.do(partial(self._page, scope, body)))
        await asyncio.wait((page, left), return_when=asyncio.FIRST_COMPLETED)
        if not page.done():
            page.cancel()
        elif isinstance(response := page.result(), StreamingHttpResponse):
            await _stream(response, left, send)
        else:
            await _send(response, send)

    def _page(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        signals.request_started.send(sender=Pages, scope=scope)
        response = self._response(scope, body)
        if not response.streaming:
            response.close()
        return response

    def _at_door(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        """Without the signals of a request, which give the connection back each time."""
        with body:
            return self._response(scope, body)

    def _response(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        try:
            request = ASGIRequest(scope, body)
        except UnicodeDecodeError:
            return HttpResponseBadRequest()
        response: HttpResponseBase = self.get_response(request)
        return response


async def _arrived(receive: Receive) -> IO[bytes] | None:
    """The whole body, in memory or, when it is large, in a file; None if its sender left."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return io.BytesIO(message.get("body", b""))
    body = tempfile.SpooledTemporaryFile(max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115
    while message["type"] != "http.disconnect":
        body.write(message.get("body", b""))
        if not message.get("more_body"):
            body.seek(0)
            return body
        message = await receive()
    body.close()
    return None


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(response: HttpResponseBase, send: Send) -> None:
    assert isinstance(response, HttpResponse)
    await send(_start(response))
    await send({**ENDED, "body": response.content})


async def _stream(response: StreamingHttpResponse, left: asyncio.Future[None], send: Send) -> None:
    """A piece at a time, each in a turn of its own, until who reads has left."""
    if isinstance(response, FileResponse):
        response.block_size = CHUNK
    pieces = iter(response)
    try:
        await send(_start(response))
        while not left.done():
            piece = await crews.PAGES.do(partial(next, pieces, None))
            if piece is None:
                await send(ENDED)
                return
            await send({**ENDED, "body": piece, "more_body": True})
    finally:
        await crews.PAGES.do(response.close)


def _start(response: HttpResponseBase) -> dict[str, Any]:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    cookies = [one.OutputString().encode("ascii") for one in response.cookies.values()]
    return {
        "type": "http.response.start",
        "status": response.status_code,
        "headers": headers + [(b"Set-Cookie", cookie) for cookie in cookies],
    }
