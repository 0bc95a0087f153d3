"""The web server: uvicorn as we run it, which sends its sockets home one after the other."""

import asyncio
import socket
import sys
from typing import Self

import uvicorn

from conversations.consumers.hub import Hub
from helpdesk.crews import DOORS, PAGES

LARGEST_FRAME = 64 * 1024
SWITCH = 0.001


class Server(uvicorn.Server):
    """Asked to stop, it takes no more connections, closes the sockets over some seconds, then
    finishes what pages have begun."""

    @classmethod
    def at(cls, host: str, port: int) -> Self:
        """One that listens there once it runs."""
        return cls(
            uvicorn.Config(
                "helpdesk.asgi:application",
                host=host,
                port=port,
                lifespan="off",
                log_config=None,
                # Each socket would be logged, with the pass in its address.
                log_level="warning",
                access_log=False,
                # Django reads forwarded headers itself, where TRUSTED_PROXY_COUNT says so.
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=5,
                # Longer than proxies keep an idle line: where we close it, a request may meet that.
                timeout_keep_alive=75,
                ws_max_size=LARGEST_FRAME,
                # Our frames are small; what compressing them remembers is not.
                ws_per_message_deflate=False,
            )
        )

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until asked to stop."""
        # Sockets are told in one thread, pages are made in others: it must not wait long for them.
        sys.setswitchinterval(SWITCH)
        super().run(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Uvicorn alone would close all sockets in one moment, and all would come back in one."""
        for server in self.servers:
            server.close()
        await Hub.here().say_goodbye()
        await super().shutdown(sockets)
        await asyncio.gather(*(asyncio.to_thread(one.dismiss) for one in (PAGES, DOORS)))
