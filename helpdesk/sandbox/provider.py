"""Stand-ins for providers: local servers that speak their APIs over HTTP and sign calls with code
of their own, after the providers' documentation. They share nothing with the adapters."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

# url, headers, body → status
Knock = Callable[[str, dict[str, str], bytes], int]

# What providers make of a file's first bytes.
TYPES = {
    b"\x89PNG": "image/png",
    b"\xff\xd8": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
    b"%PDF": "application/pdf",
}
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8"
    "cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
COUNTING = threading.Lock()


def type_of(content: bytes) -> str:
    found = (kind for begins, kind in TYPES.items() if content.startswith(begins))
    return next(found, "application/octet-stream")


@dataclass(frozen=True)
class Call:
    """One call of a hook as the provider makes it: to which address, and signed."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What a server answers; `hangs_up` instead of answering."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def parts(self) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
        """Fields and files of a form."""
        if not self.headers["content-type"].startswith("multipart/"):
            return self.form, {}
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = message_from_bytes(head + self.body, policy=policy.default)
        fields, files = {}, {}
        for part in message.iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            if filename := part.get_filename():
                files[name] = (filename, content)
            else:
                fields[name] = content.decode()
        return fields, files


@dataclass(frozen=True)
class Got:
    """A message the provider took from us, in its ledger: `files` are the names or addresses they
    came by, `media` the keys of those whose bytes came along."""

    name: str
    to: str
    text: str
    files: tuple[str, ...] = ()
    media: tuple[str, ...] = ()


@dataclass
class Sandbox(ABC):
    """`faults` are what the next sends meet with, one each: "busy" (asks to wait 7 s), "away"
    (503), "error" (500), "dropped" (takes it and hangs up), "sign_in", "blocked", "invalid".
    `trouble` is such a word for all of them until it is taken back, `latency` the seconds each
    answer takes. While `calls` is off nobody is called: what `keeps_history` tells it when it is
    asked, others call again later. `doubles` makes each call twice, `reorders` of two the newer
    first (`settle` makes one that waits for a second). `took` is what it accepted from us; `called`
    each call it made, with our answer. `picture` is what its customers send as one, `names` what
    they call themselves, by address.

    The customer's phone in the demo shows an app for each: `app` is its name there, and what can be
    done in it follows from `edits`, `deletes`, `reactions`, `tells_receipts` and `tells_reading`.

    `written`: customers write by it and are written to; of others it only tells. `makes` is the
    kind of entry that comes of its calls. `deduplicates`: it takes a message that is handed over
    twice once. `handed`: nobody tells it where to call, an admin writes
    `hook` and `secret` into it."""

    kind: ClassVar[str]
    app: ClassVar[str] = ""
    tells_receipts: ClassVar[bool] = False
    tells_reading: ClassVar[bool] = False
    edits: ClassVar[bool] = False
    deletes: ClassVar[bool] = False
    reactions: ClassVar[bool] = False
    keeps_history: ClassVar[bool] = True
    deduplicates: ClassVar[bool] = False
    written: ClassVar[bool] = True
    makes: ClassVar[str] = "message"
    handed: ClassVar[bool] = False
    knock: Knock = lambda url, headers, body: 0
    faults: list[str] = field(default_factory=list)
    trouble: str = ""
    latency: float = 0.0
    calls: bool = True
    doubles: bool = False
    reorders: bool = False
    held: list[Call] = field(default_factory=list)
    took: list[Got] = field(default_factory=list)
    called: list[tuple[Call, int]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    picture: bytes = PICTURE
    names: dict[str, str] = field(default_factory=dict)
    count: int = 0
    port: int = 0

    def __enter__(self) -> Self:
        sandbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                self._answer()

            def do_POST(self) -> None:  # noqa: N802
                self._answer()

            def _answer(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = dict(parse_qsl(parts.query))
                time.sleep(sandbox.latency)
                sandbox.asked.append(f"{self.command} {parts.path}")
                reply = sandbox.serve(Request(self.command, parts.path, query, headers, body))
                if reply.hangs_up:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Of its API."""
        return f"http://127.0.0.1:{self.port}"

    def number(self) -> int:
        with COUNTING:
            self.count += 1
            return self.count

    # What each provider says

    @abstractmethod
    def serve(self, request: Request) -> Reply:
        """Answer one request, as the provider would."""

    @abstractmethod
    def answers(self) -> dict[str, Any]:
        """What an admin writes into the form of the inbox."""

    @abstractmethod
    def says(self, text: str, *, picture: bool = False, sender: str = "") -> str:
        """A customer writes. Returns the message's name, after calling us if it does."""

    @abstractmethod
    def call_of(self, text: str = "", **changes: Any) -> Call:
        """A signed call for a new message, not made; `secret` and `url` may be others."""

    @abstractmethod
    def signed(self, body: bytes) -> Call:
        """A body of whatever kind, signed."""

    def tells(self, name: str, state: str) -> None:
        """Call us about the course of a message of ours."""
        raise NotImplementedError

    def corrects(self, name: str, text: str) -> Call:
        """A signed call by which a customer's message is edited, not made."""
        raise NotImplementedError

    def takes_back(self, name: str) -> Call:
        """A signed call by which a customer deletes their message, not made."""
        raise NotImplementedError

    def reacts(self, name: str, emoji: str, sender: str = "") -> Call:
        """A signed call by which a customer reacts to a message, not made; "" takes it back."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """Ours, as customers see it."""
        return ""

    def person(self, number: str) -> str:
        """Whom a phone of this number (+84…) is to the provider."""
        return number

    @property
    def is_connected(self) -> bool:
        """Whether a desk has told it where to call."""
        return bool(getattr(self, "hook", ""))

    @abstractmethod
    def outage_was(self, ago: timedelta) -> None:
        """What it holds for us was written that long ago."""

    @property
    @abstractmethod
    def customer(self) -> str:
        """The address we know its customer by."""

    def call(self, call: Call) -> int:
        """Call us; 202 also where the call waits for a newer one to overtake it."""
        if self.reorders and not self.held:
            self.held.append(call)
            return 202
        status = self.knocks(call)
        self.release()
        return status

    def tell(self, call: Call) -> None:
        """Make a call, unless nobody is called."""
        if self.calls and call.url:
            self.call(call)

    def settle(self) -> None:
        """Make whatever waits."""
        self.release()

    def release(self) -> None:
        """Make what waits to be overtaken."""
        while self.held:
            self.knocks(self.held.pop(0))

    def knocks(self, call: Call) -> int:
        status = 0
        for _time in range(2 if self.doubles else 1):
            status = self.knock(call.url, call.headers, call.body)
            self.called.append((call, status))
        return status

    def fault(self) -> str:
        return self.faults.pop(0) if self.faults else self.trouble
