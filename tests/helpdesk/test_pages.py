"""A crowd of requests takes its turns."""

from __future__ import annotations

import os
import socket
import threading
import time
import urllib.request
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.urls import reverse

from channels_inbox import receive
from channels_inbox.email import hooks
from channels_inbox.email.config import MailConfig
from channels_inbox.models import Envelope
from conversations import attachments
from helpdesk import crews
from tests import builders
from tests.channels_inbox.mailing import SECRET, connect, make_mail_with
from tests.conversations.desk import sign_in
from tests.conversations.live import Web, session_of, web
from tests.patience import PATIENCE, until, wait_for_a_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 10


@pytest.fixture
def running(transactional_db: None) -> Iterator[Web]:
    with web() as running:
        yield running


def test_a_crowd_of_requests_takes_so_many_connections_and_no_more(running: Web) -> None:
    cast = builders.make_cast()
    pk = builders.make_ticket(cast.inbox).conversation_id
    cookie = f"sessionid={session_of(sign_in(cast.alice))}"
    url = f"http://{running.host}/conversations/{pk}/since/?rev=0"
    before, answers = connections(), list[int]()

    def ask() -> None:
        request = urllib.request.Request(url, headers={"Cookie": cookie})
        with urllib.request.urlopen(request, timeout=2 * PATIENCE) as answer:
            answers.append(answer.status)

    crowd = [threading.Thread(target=ask) for _ in range(60)]
    # Held up, all of them are there at once; what is given back is gone a moment later only.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE conversations_conversation")
        for one in crowd:
            one.start()
        until(lambda: crews.PAGES._jobs.qsize() == len(crowd) - AT_ONCE)
        assert len(wait_for_a_lock(AT_ONCE)) == AT_ONCE
        assert len(connections() - before) == AT_ONCE
    for one in crowd:
        one.join()
    assert answers == [200] * len(crowd)
    until(lambda: not connections() - before)


def connections() -> set[int]:
    """By the numbers of their processes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        return {pid for (pid,) in cursor.fetchall()}


def test_a_file_comes_whole_and_who_leaves_halfway_holds_up_nobody(running: Web) -> None:
    cast, content = builders.make_cast(), os.urandom(3_000_000)
    row = attachments.upload(SimpleUploadedFile("scan.bin", content), by=cast.alice)
    head = f"Host: {running.host}\r\nCookie: sessionid={session_of(sign_in(cast.alice))}\r\n"
    path = reverse("conversations:file", args=[row.public_id])
    for _ in range(AT_ONCE + 2):
        with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as line:
            line.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
            assert line.recv(1000).startswith(b"HTTP/1.1 200")
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
        with line.makefile("rb") as answer:
            told = answer.read()
    assert told.endswith(b"\r\n\r\n" + content)


def test_a_body_in_pieces_arrives_whole(running: Web) -> None:
    cast = builders.make_cast()
    connect(cast.inbox, MailConfig())
    mail = make_mail_with({"scan.bin": b"\x00\xff" * 2_000_000})
    pieces = (mail[at : at + 100_000] for at in range(0, len(mail), 100_000))
    now = int(time.time())
    headers = {
        hooks.TIMESTAMP: str(now),
        hooks.SIGNATURE: hooks.sign(SECRET, now, mail),
        "Content-Type": "message/rfc822",
    }
    line = HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
    line.request(
        "POST",
        reverse("hook", args=["email", cast.inbox.public_id]),
        pieces,
        headers,
        encode_chunked=True,
    )
    assert line.getresponse().status == 202
    line.close()
    assert receive.body_of(Envelope.objects.get()) == mail
