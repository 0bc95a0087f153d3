"""All HTTP by one proxy, where one is set, and nothing past it."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from channels_inbox import guard
from helpdesk import env
from helpdesk.doctor import inside
from helpdesk.sandbox.telegram import TelegramSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings


class Proxy:
    """Takes heads of requests, and answers each with the same."""

    def __init__(self, answer: bytes) -> None:
        self.heads: list[bytes] = []
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _address = self._server.accept()
            except OSError:
                return
            with client:
                head = client.recv(65536)
                if head:
                    self.heads.append(head)
                    client.sendall(self._answer)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@contextmanager
def proxy(settings: Settings, answer: bytes) -> Iterator[Proxy]:
    made = Proxy(answer)
    settings.EGRESS_PROXY = f"http://desk:p%40ss@127.0.0.1:{made.port}"
    yield made
    made.close()


FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
NO = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


def test_what_is_asked_for_goes_by_the_proxy(settings: Settings) -> None:
    with TelegramSandbox() as there, proxy(settings, FINE) as by:
        answer = guard.request("GET", f"{there.url}/x", {})
        assert answer.body == b"hi"
        assert there.asked == []
    [head] = by.heads
    assert head.startswith(f"GET {there.url}/x HTTP/1.1".encode())
    assert b"Proxy-Authorization: Basic ZGVzazpwQHNz" in head


def test_https_goes_by_a_tunnel_and_a_refusal_was_said_to_nobody(settings: Settings) -> None:
    with proxy(settings, NO) as by, pytest.raises(guard.NotSaid, match="EGRESS_PROXY"):
        guard.request("POST", "https://api.example.invalid/send", {}, content=b"secret")
    [head] = by.heads
    assert head.startswith(b"CONNECT api.example.invalid:443 HTTP/1.1")
    assert b"secret" not in head


def test_without_the_proxy_nothing_goes_out(settings: Settings) -> None:
    with TelegramSandbox() as there:
        with proxy(settings, FINE):
            pass
        with pytest.raises(guard.NotSaid):
            guard.request("GET", f"{there.url}/x", {})
        assert there.asked == []


def test_the_proxy_is_no_way_into_our_own_network(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    with proxy(settings, FINE) as by, pytest.raises(guard.NotSaid):
        guard.request("GET", "http://localhost/x", {})
    assert by.heads == []


@pytest.mark.django_db
def test_the_doctor_tries_it(settings: Settings) -> None:
    assert list(inside.egress()) == []
    with proxy(settings, FINE):
        assert [one.state for one in inside.egress()] == ["ok"]
    [found] = inside.egress()
    assert found.state == "bad"
    assert "past it" in found.do


@pytest.mark.parametrize("wrong", ["proxy.example:3128", "https://p", "socks5://p", "http://p/x"])
def test_what_is_no_proxy_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("EGRESS_PROXY", wrong)
    with pytest.raises(ImproperlyConfigured, match="EGRESS_PROXY must look like"):
        env.proxy("EGRESS_PROXY")
