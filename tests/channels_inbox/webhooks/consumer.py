"""Somebody who is told: a real HTTP server that verifies each call by the reference package."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from helpdesk.embedded import server_port

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Heard:
    """A call whose signature was right."""

    name: str
    headers: dict[str, str]
    body: bytes
    told: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.told["type"])

    @property
    def ticket(self) -> int:
        return int(self.told["data"]["ticket"]["id"])

    @property
    def entry(self) -> int:
        return int(self.told["data"]["entry"]["id"])


@dataclass
class Consumer:
    """`answers` chooses (status, headers) for a call; `calls` are those that were taken with 2xx,
    `tries` all; `forged` counts calls whose signature was wrong. Between `down()` and `up()` nobody
    listens at its port."""

    secret: str = ""
    answers: Callable[[Heard], tuple[int, dict[str, str]]] = lambda heard: (204, {})
    seconds: float = 0.0
    calls: list[Heard] = field(default_factory=list)
    tries: list[Heard] = field(default_factory=list)
    forged: int = 0
    at_once: int = 0
    most_at_once: int = 0

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        # Nobody is given it by chance between `down()` and `up()`.
        self.port = server_port()
        self.up()
        return self

    def __exit__(self, *exc: object) -> None:
        self.down()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/told"

    def up(self) -> None:
        consumer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = consumer.heard(dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                return

        self._server: ThreadingHTTPServer | None = ThreadingHTTPServer(
            (LOOPBACK, self.port), Handler
        )
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def heard(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        try:
            Verifier(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.forged += 1
            return 401, {}
        lower = {name.lower(): value for name, value in headers.items()}
        call = Heard(lower["webhook-id"], lower, body, json.loads(body))
        with self._lock:
            self.tries.append(call)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.seconds)
        status, more = self.answers(call)
        with self._lock:
            self.at_once -= 1
            if 200 <= status < 300:
                self.calls.append(call)
        return status, more

    @property
    def types(self) -> list[str]:
        return [call.type for call in self.calls]

    @property
    def names(self) -> list[str]:
        return [call.name for call in self.calls]

    def in_order(self) -> bool:
        """Whether each ticket's entries came in their order, counting the first time each came."""
        newest: dict[int, int] = {}
        seen = set[str]()
        for call in (one for one in self.calls if one.type != "test"):
            if call.name not in seen and call.entry <= newest.get(call.ticket, 0):
                return False
            seen.add(call.name)
            newest[call.ticket] = max(call.entry, newest.get(call.ticket, 0))
        return True
