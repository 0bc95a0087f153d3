"""A web server in a thread, and pages of agents that listen to it over real sockets."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from conversations.consumers.hub import Hub
from helpdesk.embedded import free_port
from helpdesk.serving import Server
from tests.conversations.desk import sign_in
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from conversations.models import Agent


class Web:
    """The product's web server, listening on a port of this machine."""

    def __init__(self) -> None:
        self.port, self.pages = free_port(), list[Page]()
        self.server = Server.at("127.0.0.1", self.port)
        self.thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)

    async def _serve(self) -> None:
        self.loop, self.hub = asyncio.get_running_loop(), Hub.here()
        await self.server.serve()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.thread.start()
        until(lambda: self.server.started)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()

    def close_pages(self) -> None:
        for page in self.pages:
            page.close()
        self.pages = []
        until(lambda: not self.hub.members)

    def beat(self) -> None:
        """The heartbeat that otherwise comes every 25 s."""
        asyncio.run_coroutine_threadsafe(self.hub.beat(list(self.hub.members)), self.loop).result(
            30
        )


@contextmanager
def web() -> Iterator[Web]:
    running = Web()
    running.start()
    try:
        yield running
    finally:
        running.stop()


class Page:
    """An open page of an agent: what its socket was told, in order."""

    def __init__(self, web: Web, client: Client, *, ticket: str | None = None) -> None:
        web.pages.append(self)
        self.client = client
        self.seen, self.kept = list[dict[str, Any]](), list[dict[str, Any]]()
        ticket = ticket_for(client) if ticket is None else ticket
        self.socket = connect(
            f"ws://{web.host}/ws/desk/?ticket={ticket}",
            origin=Origin(f"http://{web.host}"),
            additional_headers={"Cookie": f"sessionid={session_of(client)}"},
            compression=None,
            open_timeout=PATIENCE,
            legacy=True,
        )

    @classmethod
    def of(cls, web: Web, agent: Agent) -> Self:
        """Signed in, opened, and told that it is ready."""
        page = cls(web, sign_in(agent))
        assert page.hear("ready")
        return page

    def do(self, name: str, **told: object) -> None:
        self.socket.send(json.dumps({"do": name, **told}))

    def watch(self, conversation: int, head: int) -> None:
        """Watch, and wait until the server is done with it."""
        self.do("watch", conversation=conversation, head=head)
        self.settle()

    def settle(self) -> None:
        """Wait until all that was sent has been read: of one socket, one frame comes after the
        other."""
        self.do("watch", conversation=NOWHERE, head=0)
        self.hear("gone", conversation=NOWHERE)

    def hear(self, kind: str, *, within: float = 30, **told: object) -> dict[str, Any]:
        """The first frame of this kind with these values that nobody asked for yet."""
        ends = time.monotonic() + within
        while True:
            for frame in self.kept:
                if frame["is"] == kind and told.items() <= frame.items():
                    self.kept.remove(frame)
                    return frame
            try:
                self._take(ends)
            except TimeoutError:
                raise AssertionError(f"no {kind} {told} in {self.seen}") from None

    def hears_nothing(self, *kinds: str, within: float = 0.3) -> bool:
        """Whether no frame of these kinds comes for a while, or came and wasn't asked for."""
        ends = time.monotonic() + within
        with suppress(TimeoutError, ConnectionClosed):
            while True:
                self._take(ends)
        return not [frame for frame in self.kept if frame["is"] in kinds]

    def ended(self, within: float = 30) -> int:
        """The code it is closed with."""
        ends = time.monotonic() + within
        with suppress(ConnectionClosed):
            while True:
                self._take(ends)
        return self.code

    def _take(self, ends: float) -> None:
        text = self.socket.recv(timeout=max(0.001, ends - time.monotonic()))
        frame: dict[str, Any] = json.loads(text)
        self.seen.append(frame)
        self.kept.append(frame)

    @property
    def code(self) -> int:
        return self.socket.protocol.close_code or 0

    def close(self) -> None:
        self.socket.close()


def ticket_for(client: Client) -> str:
    """One that opens a socket, once."""
    text: str = client.post("/live/ticket/").json()["ticket"]
    return text


# An id no conversation has.
NOWHERE = 2**60


def session_of(client: Client) -> str:
    return client.cookies["sessionid"].value
