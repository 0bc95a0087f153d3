"""Django's pages, with no more requests at work than there are database connections for them.

Each request at work has a thread and a connection of its own. Without a limit a crowd of pages that
catch up at once takes all connections, waits for more of them, and fails.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import FileResponse

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

# Connections left for sockets, which ask in threads of their own.
FOR_SOCKETS: Final = 2
WITHOUT_POOL: Final = 10


class Pages(ASGIHandler):
    """A request waits for its turn here, in order, once all of it has arrived: who sends or reads
    slowly keeps no turn. All our views are plain functions, so each goes through middleware and
    view in one thread: Django alone would change between it and the event loop six times.
    """

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)
        self.at_once = max(1, (settings.POOL_SIZE or WITHOUT_POOL + FOR_SOCKETS) - FOR_SOCKETS)
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]
        self._turns = WeakKeyDictionary()

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        async with self._turn():
            response = await sync_to_async(self._respond)(request)
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        return response

    def _respond(self, request: HttpRequest) -> HttpResponseBase:
        try:
            response = self.get_response(request)
            response._handler_class = self.__class__  # type: ignore[attr-defined]
            return response
        finally:
            close_old_connections()

    def _turn(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        if loop not in self._turns:
            self._turns[loop] = asyncio.Semaphore(self.at_once)
        return self._turns[loop]


def get_pages() -> Pages:
    """As Django's `get_asgi_application`."""
    django.setup(set_prefix=False)
    return Pages()
