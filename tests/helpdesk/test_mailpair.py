"""The demo's mail servers: real SMTP in, real IMAP out, kept over a restart."""

import imaplib
import signal
import smtplib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from imap_tools import MailBoxUnencrypted
from imap_tools.idle import get_socket_poller

from helpdesk.mailpair import stamp
from tests.helpdesk.mail_pairs import BODY, Pair, raw

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    running = Pair(tmp_path_factory.mktemp("pair") / "mail")
    yield running
    running.child.stop()


def test_it_delivers_byte_for_byte_under_the_receivers_own_lines(pair: Pair) -> None:
    pair.send("exact@demo.example", "Exact+tag@demo.example", as_user="lan@demo.example")
    first, second = raw(pair, "exact@demo.example")
    assert first.startswith(b"Return-Path: <lan@demo.example>\r\nDelivered-To: exact@")
    assert b"Delivered-To: Exact+tag@demo.example\r\n" in second
    assert first.endswith(b"Authentication-Results: other.example; dmarc=pass\r\n\r\n" + BODY)


def test_it_vouches_only_for_senders_who_signed_in_as_themselves(pair: Pair) -> None:
    # In a mailbox of this test: the others' may come before or after it.
    for sender in ("lan@demo.example", "mallory@demo.example", ""):
        pair.send("privacy@demo.example", as_user=sender)
    verdicts = [
        [line for line in mail.splitlines() if b"mail.demo.example; dmarc" in line]
        for mail in raw(pair, "privacy@demo.example")
    ]
    line = b"Authentication-Results: mail.demo.example; dmarc=%s header.from=demo.example"
    assert verdicts == [[line % b"pass"], [line % b"fail"], [line % b"fail"]]


@pytest.mark.parametrize("gap", [b"\r\n\r\n", b""])
def test_it_stamps_mail_without_a_body_or_a_sender(gap: bytes) -> None:
    stamped = stamp(b"Subject: x" + gap, "", "a@demo.example", None)
    assert stamped.endswith(b"dmarc=fail header.from=invalid\r\nSubject: x" + (gap or b"\r\n\r\n"))


def test_it_delivers_nowhere_else_and_checks_passwords(pair: Pair) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        pair.send("somebody@elsewhere.example")
    with (
        smtplib.SMTP("127.0.0.1", pair.smtp, timeout=30) as client,
        pytest.raises(smtplib.SMTPAuthenticationError),
    ):
        client.login("lan@demo.example", "wrong")
    for address, password in (("lan@demo.example", "wrong"), ("lan@elsewhere.example", "demo")):
        with pytest.raises(imaplib.IMAP4.error):
            imaplib.IMAP4("127.0.0.1", pair.imap, timeout=30).login(address, password)


def test_it_says_what_it_can(pair: Pair) -> None:
    with pair.mailbox("support@demo.example") as box:
        assert {"IDLE", "UIDPLUS", "MOVE"} <= set(box.client.capabilities)


def test_it_wakes_who_waits(pair: Pair) -> None:
    with pair.mailbox("support@demo.example") as box:
        box.client.untagged_responses.clear()
        box.idle.start()
        threading.Timer(0.3, pair.send, ["support@demo.example"]).start()
        # Not `idle.poll`: it takes a line that comes in two packets for a broken one.
        assert get_socket_poller(box.client.sock, 30)
        box.idle.stop()
        assert "EXISTS" in box.client.untagged_responses


def test_it_keeps_folders_flags_and_numbers_over_a_restart(tmp_path: Path) -> None:
    pair = Pair(tmp_path / "mail")
    for _ in range(3):
        pair.send("support@demo.example")
    with pair.mailbox("support@demo.example") as box:
        box.folder.create("Done")
        first, second, third = box.uids()
        box.move([first], "Done")
        box.copy([second], "Done")
        box.flag([second], "\\Flagged", True)
        box.delete([third])
        before = snapshot(box)
    bodies = raw(pair, "support@demo.example", "Done")
    pair.child.process.send_signal(signal.SIGKILL)
    pair.child.stop()

    pair = Pair(tmp_path / "mail")
    with pair.mailbox("support@demo.example") as box:
        assert snapshot(box) == before
        assert before["INBOX"][1:] == ([second], [("\\Flagged",)])
    assert raw(pair, "support@demo.example", "Done") == bodies
    pair.send("support@demo.example")
    with pair.mailbox("support@demo.example") as box:
        assert int(box.uids()[-1]) > int(third)
    pair.child.stop()


def snapshot(box: MailBoxUnencrypted) -> dict[str, tuple[int, list[str], list[tuple[str, ...]]]]:
    found = {}
    for folder in ("INBOX", "Done"):
        box.folder.set(folder)
        validity = box.folder.status(folder)["UIDVALIDITY"]
        flags = [tuple(f for f in m.flags if f != "\\Recent") for m in box.fetch(mark_seen=False)]
        found[folder] = (validity, box.uids(), flags)
    return found
