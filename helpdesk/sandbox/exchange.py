"""`manage.py sandbox`: every account of the demo's stand-ins on a port of its own, and one more by
which the page with the customer's phone acts. What was said survives a restart."""

from __future__ import annotations

import base64
import json
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request, urlopen

from helpdesk.sandbox.lines import LINES
from helpdesk.sandbox.phone import Bubble, Phones
from helpdesk.sandbox.provider import Sandbox, type_of
from helpdesk.sandbox.whatsapp import WhatsAppSandbox

LOOPBACK: Final = "127.0.0.1"
# No page of another site can set it without asking first, which nobody here answers.
HEADER: Final = "Sandbox-Phone"
TICK_SECONDS: Final = 0.5
SETTLES: Final = 2.0
KNOCK_SECONDS: Final = 10
KEPT_CALLS: Final = 300
LEDGER: Final = 12
WEATHER: Final = ("trouble", "latency", "calls", "doubles", "reorders")
NOT_KEPT: Final = ("knock", "ask", "held", "faults", "asked", "port")


def knock(url: str, headers: dict[str, str], body: bytes) -> int:
    """Call a hook; 0 where nobody answers."""
    try:
        request = Request(url, body, headers, method="POST")
        with urlopen(request, timeout=KNOCK_SECONDS) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code
    except (OSError, ValueError):
        return 0


def ask(url: str) -> tuple[int, str]:
    """GET an address: status and answer. While the desk is being prepared nobody answers there yet:
    it is taken at its word."""
    try:
        with urlopen(url, timeout=KNOCK_SECONDS) as answer:
            return int(answer.status), answer.read().decode()
    except HTTPError as refused:
        return refused.code, ""
    except OSError:
        return 200, dict(parse_qsl(urlsplit(url).query)).get("hub.challenge", "")


class Exchange:
    """What the page asks for: each public verb takes JSON and gives JSON. A `line` is the slug of
    an account, `number` a phone's, `name` a message's. Raises LookupError for what isn't there."""

    def __init__(self, ports: Sequence[int], store: Path) -> None:
        self.store = store
        self.phones = {
            line.slug: Phones(line.make(port)) for line, port in zip(LINES, ports, strict=True)
        }
        for phones in self.phones.values():
            phones.sandbox.knock = knock
            if isinstance(phones.sandbox, WhatsAppSandbox):
                phones.sandbox.ask = ask
        self.owners: dict[str, str] = {}
        self._settled = time.monotonic()
        self._kept = b""
        self._restore()

    @contextmanager
    def door(self, port: int) -> Iterator[None]:
        """Answer the page at this port."""
        server = ThreadingHTTPServer((LOOPBACK, port), _door(self))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()

    # The phone

    def lines(self) -> list[dict[str, Any]]:
        spare = {line.slug: line.spare for line in LINES}
        return [
            _told(phones.sandbox) | {"slug": slug, "spare": spare[slug]}
            for slug, phones in self.phones.items()
        ]

    def owner(self, number: str, who: str) -> None:
        """What a phone's owner calls themselves."""
        self.owners[number] = who

    def apps(self, number: str) -> list[dict[str, Any]]:
        """Each account with the newest of its thread on this phone, and how many are unread."""
        found = []
        for line in self.lines():
            phones = self.phones[line["slug"]]
            last, unread = phones.glance(phones.sandbox.person(number))
            found.append(line | {"last": asdict(last) if last else None, "unread": unread})
        return found

    def strangers(self) -> dict[str, str]:
        """Phones that somebody made up, with their owners."""
        return self.owners

    def thread(self, line: str, number: str) -> list[dict[str, Any]]:
        phones = self.phones[line]
        return [self._bubble(phones, one) for one in phones.look(phones.sandbox.person(number))]

    def write(self, line: str, number: str, who: str, text: str, picture: str = "") -> None:
        """`who` is what the owner calls themselves, `picture` its bytes in base64."""
        phones = self.phones[line]
        person = phones.sandbox.person(number)
        phones.sandbox.names[person] = who or self.owners.get(number) or number
        phones.write(person, text, base64.b64decode(picture))

    def dial(self, line: str, number: str, act: str) -> None:
        """`act` is ring, answer or hang_up."""
        phones = self.phones[line]
        phones.dial(phones.sandbox.person(number), act)

    def hand(self, line: str, hook: str, secret: str) -> None:
        """Where to call and what to sign with, as an admin of the desk hands it over."""
        sandbox = self.phones[line].sandbox
        for name, value in (("hook", hook), ("secret", secret)):
            setattr(sandbox, name, value)

    def fill(self, bubbles: list[dict[str, Any]]) -> None:
        """What was written before: line, number, mine, text and at (seconds) of each."""
        for one in sorted(bubbles, key=lambda one: float(one["at"])):
            phones = self.phones[one["line"]]
            bubble = Bubble("", one["mine"], one["text"], one["at"], state="read")
            phones.put(phones.sandbox.person(one["number"]), bubble)

    def edit(self, line: str, number: str, name: str, text: str) -> None:
        phones = self.phones[line]
        phones.edit(phones.sandbox.person(number), name, text)

    def delete(self, line: str, number: str, name: str) -> None:
        phones = self.phones[line]
        phones.delete(phones.sandbox.person(number), name)

    def react(self, line: str, number: str, name: str, emoji: str) -> None:
        phones = self.phones[line]
        phones.react(phones.sandbox.person(number), name, emoji)

    def file(self, line: str, key: str) -> dict[str, str]:
        _name, content = self.phones[line].sandbox.files[key]
        return {"type": type_of(content), "content": base64.b64encode(content).decode()}

    # The weather and the ledger

    def weather(self, line: str, **told: Any) -> None:
        sandbox = self.phones[line].sandbox
        for name, value in told.items():
            if name not in WEATHER:
                raise LookupError(name)
            setattr(sandbox, name, value)
        if not sandbox.reorders:
            sandbox.settle()

    def ledger(self, line: str) -> dict[str, Any]:
        """The newest that customers wrote and that was taken from us, newest first; how many calls
        were made, and how many of them were taken."""
        phones = self.phones[line]
        phones.catch_up()
        said = [one for thread in phones.threads.values() for one in thread if one.mine]
        said.sort(key=lambda one: one.at, reverse=True)
        called = phones.sandbox.called
        return {
            "said": [{"name": one.name, "text": one.text, "at": one.at} for one in said[:LEDGER]],
            "took": [asdict(one) for one in reversed(phones.sandbox.took[-LEDGER:])],
            "calls": len(called),
            "taken": sum(200 <= status < 300 for _call, status in called),
        }

    # What happens by itself

    def tick(self) -> None:
        for phones in self.phones.values():
            phones.tick()
            del phones.sandbox.called[:-KEPT_CALLS]
            phones.sandbox.asked.clear()
        if time.monotonic() - self._settled > SETTLES:
            self._settled = time.monotonic()
            for phones in self.phones.values():
                phones.sandbox.settle()
            self.save()

    def save(self) -> None:
        told = {slug: (_state(one.sandbox), one.as_kept()) for slug, one in self.phones.items()}
        kept = pickle.dumps((self.owners, told))
        if kept == self._kept:
            return
        fresh = self.store.with_suffix(".new")
        fresh.write_bytes(kept)
        os.replace(fresh, self.store)
        self._kept = kept

    def _restore(self) -> None:
        """From a file that only we can write; one of another release is left aside."""
        self.store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.owners, told = pickle.loads(self.store.read_bytes())
        except (OSError, ValueError, pickle.UnpicklingError, AttributeError, ImportError, EOFError):
            return
        for slug, (state, kept) in told.items():
            if phones := self.phones.get(slug):
                _fill(phones.sandbox, state)
                _fill(phones, kept)

    @staticmethod
    def _bubble(phones: Phones, bubble: Any) -> dict[str, Any]:
        files = phones.sandbox.files
        kinds = {key: type_of(files[key][1]) for key in bubble.files if key in files}
        return asdict(bubble) | {"files": kinds}


def _told(sandbox: Sandbox) -> dict[str, Any]:
    can = ("tells_receipts", "tells_reading", "edits", "deletes", "reactions")
    return {
        "kind": sandbox.kind,
        "app": sandbox.app,
        "address": sandbox.address,
        "answers": sandbox.answers(),
        "written": sandbox.written,
        "connected": sandbox.is_connected,
        "can": [name for name in can if getattr(sandbox, name)],
        "weather": {name: getattr(sandbox, name) for name in WEATHER},
    }


def _state(sandbox: Sandbox) -> dict[str, Any]:
    return {
        one.name: getattr(sandbox, one.name) for one in fields(sandbox) if one.name not in NOT_KEPT
    }


def _fill(thing: object, kept: dict[str, Any]) -> None:
    for name, value in kept.items():
        if hasattr(thing, name):
            setattr(thing, name, value)


def serve(ports: Sequence[int], store: Path) -> None:
    """Serve the page at the first port and the accounts at the others, until SIGTERM or SIGINT."""
    exchange, stop = Exchange(ports[1:], store), threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_told: stop.set())
    with ExitStack() as stack:
        for phones in exchange.phones.values():
            stack.enter_context(phones.sandbox)
        stack.enter_context(exchange.door(ports[0]))
        while not stop.wait(TICK_SECONDS):
            try:
                exchange.tick()
            except Exception:  # noqa: BLE001 - the next tick may go better
                traceback.print_exc(file=sys.stderr)
        exchange.save()


def _door(exchange: Exchange) -> type[BaseHTTPRequestHandler]:
    verbs = {
        name: getattr(exchange, name)
        for name in (
            *(
                "lines",
                "owner",
                "strangers",
                "fill",
                "dial",
                "hand",
                "apps",
                "thread",
                "write",
                "edit",
                "delete",
                "react",
                "file",
            ),
            *("weather", "ledger"),
        )
    }

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            verb = verbs.get(self.path.strip("/"))
            if verb is None or not self.headers.get(HEADER):
                return self._say(404)
            try:
                return self._say(200, verb(**json.loads(body)))
            except LookupError:
                return self._say(404)

        def _say(self, status: int, told: Any = None) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            return

    return Door
