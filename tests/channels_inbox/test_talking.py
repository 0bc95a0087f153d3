"""From when on a provider may have heard of a message."""

from __future__ import annotations

import select
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from channels_inbox import talking
from channels_inbox.base import SendError
from channels_inbox.talking import Asked
from helpdesk.embedded import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as listening:
        listening.settimeout(10)
        yield listening


def address(server: socket.socket) -> str:
    return f"http://{LOOPBACK}:{server.getsockname()[1]}/send"


def test_while_nobody_listens_nothing_is_handed_over() -> None:
    steps: list[str] = []
    with socket.socket() as nobody:
        nobody.bind((LOOPBACK, 0))
        asked = Asked("POST", address(nobody), content=b"Hello")
        with pytest.raises(SendError, match="reached"):
            talking.hand_over(asked, lambda: steps.append("handed over"))
    assert steps == []


def test_it_is_handed_over_once_when_the_provider_listens_and_has_heard_nothing(
    server: socket.socket,
) -> None:
    before: list[bool] = []
    heard = bytearray()

    def step() -> None:
        line, _address = server.accept()
        before.append(bool(select.select([line], [], [], 0)[0]))
        threading.Thread(target=answer, args=(line,)).start()

    def answer(line: socket.socket) -> None:
        with line:
            while not heard.endswith(b"Hello"):
                heard.extend(line.recv(65536))
            line.sendall(FINE)

    said = talking.hand_over(Asked("POST", address(server), content=b"Hello"), step)
    assert said.is_good
    assert before == [False]


def test_what_the_step_says_goes_through_and_nothing_was_heard(server: socket.socket) -> None:
    lost = SendError("lease_lost", "Another worker has it now.", permanent=False)

    def step() -> None:
        raise lost

    with pytest.raises(SendError) as raised:
        talking.hand_over(Asked("POST", address(server), content=b"Hello"), step)
    assert raised.value is lost
    line, _address = server.accept()
    with line:
        line.settimeout(10)
        assert line.recv(65536) == b""
