"""Real peers on loopback: SMTP sinks, two IMAP servers, and a token endpoint."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from imaplib import IMAP4
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from channels_inbox.email.config import NONE, MailConfig
from helpdesk.embedded import server_port
from tests.channels_inbox import pymaps
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiosmtpd.smtp import Envelope, Session

USERNAME, PASSWORD = "support@desk.example", "mail-password"
LOOPBACK = "127.0.0.1"


def content_of(envelope: Envelope) -> bytes:
    """The bytes of a mail as they came over the wire, dots unstuffed."""
    assert isinstance(envelope.content, bytes)
    return envelope.content


def hang_up(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()


@dataclass
class SMTPSink:
    """Takes mail, or answers as it is told: `answers` by command (RCPT:<address>, DATA), `drop` is
    where it hangs up ("DATA" before the dot, "DOT" after it, without an answer), `lingers` how many
    seconds it takes to say goodbye; `goodbyes` counts whom it said that to."""

    answers: dict[str, str] = field(default_factory=dict)
    drop: str = ""
    lingers: float = 0.0
    password: str = PASSWORD
    mails: list[Envelope] = field(default_factory=list)
    connections: int = 0
    goodbyes: int = 0

    def __enter__(self) -> Self:
        sink = self

        class Server(SMTP):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                sink.connections += 1
                super().connection_made(transport)

            async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
                if sink.drop == "DATA":
                    hang_up(self)
                    return
                await super().smtp_DATA(arg)

            async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
                await asyncio.sleep(sink.lingers)
                sink.goodbyes += 1
                await super().smtp_QUIT(arg)

        class SinkController(Controller):
            def factory(self) -> SMTP:
                return Server(
                    sink,
                    auth_require_tls=False,
                    authenticator=sink.authenticate,
                    data_size_limit=50_000_000,
                )

        self.port = server_port()
        self._controller = SinkController(
            self, hostname=LOOPBACK, port=self.port, ready_timeout=PATIENCE
        )
        self._controller.start()
        # The controller tries its own server, and may be gone before that is counted.
        until(lambda: self.connections)
        self.connections = 0
        return self

    def __exit__(self, *exc: object) -> None:
        self._controller.stop()

    def config(self, **fields: Any) -> MailConfig:
        return MailConfig(smtp_host=LOOPBACK, smtp_port=self.port, smtp_security=NONE, **fields)

    def parsed(self) -> list[Any]:
        """The mails it took, as `EmailMessage`s."""
        return [message_from_bytes(content_of(mail), policy=policy.default) for mail in self.mails]

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password.decode() == self.password
        return AuthResult(success=good, handled=False)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.answers.get(f"RCPT:{address}"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.drop == "DOT":
            hang_up(server)
            return "250 never heard"
        if answer := self.answers.get("DATA"):
            return answer
        self.mails.append(envelope)
        return "250 OK"


class SilentSMTP:
    """Takes a mail and never answers the final dot; `dots` counts how often that was."""

    dots = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server((LOOPBACK, 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.close()

    def config(self) -> MailConfig:
        port = self._listener.getsockname()[1]
        return MailConfig(smtp_host=LOOPBACK, smtp_port=port, smtp_security=NONE)

    def _serve(self) -> None:
        connection, _address = self._listener.accept()
        stream = connection.makefile("rwb", buffering=0)
        stream.write(b"220 silent\r\n")
        reading = False
        while line := stream.readline():
            if reading:
                self.dots += line == b".\r\n"
                continue
            reading = line.upper().startswith(b"DATA")
            stream.write(b"354 go on\r\n" if reading else b"250 OK\r\n")


class IMAPServer:
    """What a test does with an IMAP server, whichever it is."""

    port: int

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError

    def await_greeting(self) -> None:
        """Return once it answers."""
        until(self._answers)

    def _answers(self) -> bool:
        with suppress(OSError):
            IMAP4(LOOPBACK, self.port).logout()
            return True
        return False

    def config(self, **fields: Any) -> MailConfig:
        return MailConfig(
            imap_host=LOOPBACK,
            imap_port=self.port,
            imap_security=NONE,
            imap_username=USERNAME,
            **fields,
        )

    @contextmanager
    def client(self) -> Iterator[IMAP4]:
        client = IMAP4(LOOPBACK, self.port)
        client.login(USERNAME, PASSWORD)
        yield client
        client.logout()

    def append(self, raw: bytes, *, folder: str = "INBOX", flags: str = "", at: str = "") -> None:
        """Deliver a mail; `at` is its INTERNALDATE as IMAP writes it, in quotes."""
        with self.client() as client:
            status, answer = client.append(folder, flags, at, raw)
            assert status == "OK", answer

    def flags(self, folder: str = "INBOX") -> list[str]:
        """The flags of each mail in a folder, without \\Recent."""
        with self.client() as client:
            client.select(folder, readonly=True)
            _status, data = client.fetch("1:*", "(FLAGS)")
        found = [re.search(rb"FLAGS \(([^)]*)\)", line) for line in data if isinstance(line, bytes)]
        return [
            " ".join(word for word in match[1].decode().split() if word != "\\Recent")
            for match in found
            if match
        ]

    def count(self, folder: str = "INBOX") -> int:
        with self.client() as client:
            status, data = client.select(folder, readonly=True)
        assert status == "OK", data
        return int(data[0] or 0)

    def create(self, folder: str) -> None:
        with self.client() as client:
            assert client.create(folder)[0] == "OK"

    def deal_anew(self, folder: str) -> None:
        """Give the folder's mails new UIDs under another UIDVALIDITY, as a restored backup does."""
        with self.client() as client:
            client.select(folder)
            _status, data = client.fetch("1:*", "(INTERNALDATE BODY.PEEK[])")
            mails = [part for part in data if isinstance(part, tuple)]
            client.close()
            client.delete(folder)
            client.create(folder)
            for head, raw in mails:
                found = re.search(rb'INTERNALDATE ("[^"]+")', head)
                assert found
                client.append(folder, "", found[1].decode(), raw)


class Pymap(IMAPServer):
    """pymap with one mailbox in memory."""

    def __enter__(self) -> Self:
        self.port = server_port()
        self._process = pymaps.start(LOOPBACK, self.port, USERNAME, PASSWORD)
        self.await_greeting()
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.join(PATIENCE)


DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
INTROSPECTION = """
introspection_mode = post
introspection_url = {url}
username_attribute = email
"""


class Dovecot(IMAPServer):
    """Dovecot on its own configuration; who signs in by XOAUTH2 is asked of `introspection`."""

    def __init__(self, introspection: str = "http://127.0.0.1:9/") -> None:
        self._introspection = introspection

    @staticmethod
    def missing() -> str:
        """Why it can't run here, or ''."""
        if not shutil.which("dovecot"):
            return "dovecot is not installed (apt-get install dovecot-imapd)"
        return "" if os.geteuid() == 0 else "dovecot on a configuration of its own needs root"

    def __enter__(self) -> Self:
        self.port = server_port()
        self._folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self._folder.chmod(0o755)
        for name in ("mail", "run", "state"):
            (self._folder / name).mkdir()
        shutil.chown(self._folder / "mail", "nobody", "nogroup")
        config = self._folder / "dovecot.conf"
        config.write_text(DOVECOT.format(folder=self._folder, port=self.port, password=PASSWORD))
        oauth = INTROSPECTION.format(url=self._introspection)
        (self._folder / "oauth2.conf").write_text(oauth)
        self._process = subprocess.Popen(["dovecot", "-F", "-c", str(config)])
        self.await_greeting()
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass
class TokenServer:
    """An OAuth token endpoint that also tells a mail server whose token it is. `forms` is what it
    was asked, `answer` what it says; the token `good` is Support's."""

    forms: list[dict[str, str]] = field(default_factory=list)
    good: str = "access-1"
    status: int = 200
    answer: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802
                length = int(self.headers["Content-Length"])
                form = dict(parse_qsl(self.rfile.read(length).decode()))
                if "token" in form:
                    good = form["token"] == outer.good
                    self._say(200, {"active": good, "email": USERNAME if good else ""})
                    return
                outer.forms.append(form)
                self._say(outer.status, outer.answer)

            def _say(self, status: int, told: dict[str, Any]) -> None:
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}/token"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
