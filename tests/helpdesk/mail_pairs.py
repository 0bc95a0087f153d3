"""The demo's mail servers, running for a test."""

import imaplib
import smtplib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imap_tools import MailBoxUnencrypted

from helpdesk.embedded import listening, server_port
from helpdesk.supervisor import Child, Service
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
BODY = b"caf\xe9 \r\n.\r\nbye\r\n"
MAIL = (
    b"From: Lan <lan@demo.example>\r\nTo: support@demo.example\r\nSubject: Hello\r\n"
    b"Authentication-Results: mail.demo.example;\r\n dmarc=pass header.from=bank.example\r\n"
    b"Authentication-Results: other.example; dmarc=pass\r\n\r\n" + BODY
)


class Pair:
    """A running pair and how to reach it."""

    def __init__(self, data: Path) -> None:
        self.smtp, self.imap = server_port(), server_port()
        arguments = [f"--smtp-port={self.smtp}", f"--imap-port={self.imap}", f"--data={data}"]
        service = Service(
            "mailpair",
            [sys.executable, str(ROOT / "manage.py"), "mailpair", *arguments],
            ready=lambda: listening(self.smtp) and listening(self.imap),
        )
        self.child = Child(service, data.parent / "mailpair.log")
        self.child.wait_ready(PATIENCE)

    def send(self, *to: str, as_user: str = "", mail: bytes = MAIL) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=30) as client:
            if as_user:
                client.login(as_user, "demo")
            client.sendmail(as_user or "lan@demo.example", to, mail)

    @contextmanager
    def mailbox(self, address: str) -> Iterator[MailBoxUnencrypted]:
        with MailBoxUnencrypted("127.0.0.1", self.imap, timeout=30).login(address, "demo") as box:
            yield box


def raw(pair: Pair, address: str, folder: str = "INBOX") -> list[bytes]:
    client = imaplib.IMAP4("127.0.0.1", pair.imap, timeout=30)
    client.login(address, "demo")
    client.select(folder)
    _, found = client.uid("SEARCH", "ALL")
    uids = found[0].split()
    bodies = [client.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1] for uid in uids]
    client.logout()
    return bodies
