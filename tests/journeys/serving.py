"""The product over real TCP with its sockets, inside the test's process, on the test's database."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from helpdesk.embedded import free_port
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# Before any test patches the settings: the product's own stack of middlewares and sockets.
pages = ASGIStaticFilesHandler(get_asgi_application())


class Web:
    """A web process. `stop` and `start` are those of an operator: sockets break, the address
    stays."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.blocks_sockets = False
        self.down = False

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        from helpdesk.asgi import application

        if scope["type"] == "websocket" and self.blocks_sockets:
            await receive()
            await send({"type": "websocket.close", "code": 1011})
            return
        if scope["type"] == "http" and scope["path"].startswith("/static/"):
            await pages(scope, receive, send)
            return
        await application(scope, receive, send)

    def start(self) -> None:
        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=self.port, log_level="error", lifespan="off", interface="asgi3",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until(lambda: self.server.started)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE)


@contextmanager
def serving() -> Iterator[Web]:
    web = Web()
    web.start()
    try:
        yield web
    finally:
        web.stop()
