"""The demo's SMTP and IMAP servers, for every address of one domain.

They stand in for a customer's mail provider and for ours: what is sent through the SMTP port lands
in the IMAP mailbox of its recipient, with the verdict a real receiving server would add.
"""

import asyncio
import os
import re
import signal
from argparse import Namespace
from collections.abc import Sequence
from contextlib import AsyncExitStack
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import formatdate, getaddresses
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pymap.backend.dict import Config, DictBackend
from pymap.imap import IMAPService
from pysasl.hashing import Cleartext

from helpdesk.demo.cast import MAIL_DOMAIN, PASSWORD
from helpdesk.demo.mail_store import Store
from helpdesk.mailboxes import Mailboxes

LOOPBACK = "127.0.0.1"
HOSTNAME = f"mail.{MAIL_DOMAIN}"
SIZE_LIMIT = 35 * 1024 * 1024
VERDICT = re.compile(
    rb"^Authentication-Results:[ \t]*" + re.escape(HOSTNAME.encode()) + rb"\b.*\n(?:[ \t].*\n)*",
    re.IGNORECASE | re.MULTILINE,
)


class Receiver:
    """What the SMTP server does with a mail."""

    def __init__(self, mailboxes: Mailboxes) -> None:
        """Deliver into `mailboxes`."""
        self.mailboxes = mailboxes

    def sign_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        """Accept any address of the domain with the known password."""
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        address, password = data.login.decode(), data.password.decode()
        good = self.mailboxes.serves(address) and password == PASSWORD
        return AuthResult(success=good, handled=False, auth_data=address.lower() if good else None)

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Take recipients of our domain only: nothing leaves the machine."""
        if not self.mailboxes.serves(address):
            return f"550 5.7.1 This is a demo: it delivers to addresses @{MAIL_DOMAIN} only"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Stamp the mail and deliver it to each recipient once."""
        assert isinstance(envelope.content, bytes)
        for address in dict.fromkeys(envelope.rcpt_tos):
            raw = stamp(envelope.content, envelope.mail_from or "", address, session.auth_data)
            await self.mailboxes.deliver(address, raw)
        return "250 OK, delivered"


def stamp(content: bytes, sender: str, recipient: str, signed_in: object) -> bytes:
    """Put the lines of a receiving server on top, and take out forged verdicts in our name."""
    header, gap, body = re.split(rb"(\r?\n\r?\n)", content + b"\r\n\r\n", maxsplit=1)
    header = VERDICT.sub(b"", header + b"\r\n").removesuffix(b"\r\n")
    lines = (
        f"Return-Path: <{sender}>",
        f"Delivered-To: {recipient}",
        f"Received: by {HOSTNAME} with ESMTP; {formatdate()}",
        f"Authentication-Results: {HOSTNAME}; {verdict(header, signed_in)}",
    )
    top = "".join(f"{line}\r\n" for line in lines).encode()
    return top + header + gap + body.removesuffix(b"\r\n\r\n")


def verdict(header: bytes, signed_in: object) -> str:
    """DMARC passes only for whoever signed in as the very address in From."""
    message: Message = BytesHeaderParser().parsebytes(header)
    senders = [address.lower() for _, address in getaddresses(message.get_all("from", []))]
    domain = senders[0].rpartition("@")[2] if senders else ""
    passed = len(senders) == 1 and senders[0] == signed_in
    safe = domain if re.fullmatch(r"[a-z0-9.-]+", domain) else "invalid"
    return f"dmarc={'pass' if passed else 'fail'} header.from={safe}"


async def serve(smtp_port: int, imap_port: int, data: Path) -> None:
    """Serve both protocols until SIGTERM or SIGINT."""
    os.environ["FQDN"] = HOSTNAME
    config = imap_config(imap_port)
    config.apply_context()
    mailboxes = Mailboxes(config, Store(data / "mail.sqlite"), MAIL_DOMAIN, PASSWORD)
    receiver = Receiver(mailboxes)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)

    def session() -> SMTP:
        return SMTP(
            receiver,
            hostname=HOSTNAME,
            ident="demo",
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=receiver.sign_in,
        )

    async with AsyncExitStack() as stack:
        await IMAPService(DictBackend(mailboxes, config), config).start(stack)
        await stack.enter_async_context(await loop.create_server(session, LOOPBACK, smtp_port))
        await stop.wait()


class OpenConfig(Config):
    """pymap's settings, except that it says what it can before anybody signs in.

    Clients that never ask again after signing in would not use MOVE and IDLE otherwise.
    """

    @property
    def initial_capability(self) -> Sequence[bytes]:
        """Everything it can do."""
        return [*super().initial_capability, *self.login_capability]


def imap_config(port: int) -> Config:
    """No TLS on loopback, no data of pymap's own."""
    arguments = Namespace(passlib_cfg=None, proxy_protocol=None, inherited_sockets=None)
    return OpenConfig(
        arguments,
        host=LOOPBACK,
        port=port,
        tls_enabled=False,
        max_append_len=SIZE_LIMIT,
        hash_context=Cleartext(),
        demo_data=False,
        demo_user="",
        demo_password="",
    )
