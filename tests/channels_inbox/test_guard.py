"""No name an admin types in leads into our own network."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from channels_inbox import guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings


@contextmanager
def recorder() -> Iterator[tuple[str, list[str]]]:
    """A web server that has whatever it is asked for: its address, and what that was."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture(autouse=True)
def _private_refused(settings: Settings, _loopback_allowed: None) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "not an address",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not guard.permitted(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111"])
def test_public_ones_are_not(address: str) -> None:
    assert guard.permitted(address)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "",
        "a..b",
    ],
)
def test_however_loopback_is_spelled_nothing_connects(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.1)
        with pytest.raises(guard.HostRefused) as refused:
            guard.connect(host, canary.getsockname()[1], 1.0)
        told = str(refused.value).removeprefix(host)
        assert not {"127.0.0.1", "::1"} & set(told.split()), "it maps what is inside"
        with pytest.raises(TimeoutError):
            canary.accept()


def test_a_token_endpoint_inside_is_not_asked() -> None:
    with pytest.raises(guard.HTTPFailed):
        guard.post_form("http://127.0.0.1:1/token", {})
    with pytest.raises(guard.HTTPFailed):
        guard.post_form("file:///etc/passwd", {})


@pytest.mark.parametrize("sign", ["\n", "\x0b", "\x00", "\N{HORIZONTAL ELLIPSIS}"])
def test_a_header_that_can_not_be_sent_is_not_quoted(sign: str, settings: Settings) -> None:
    """It is the one with the token, and what is said of it comes on pages."""
    settings.ALLOW_PRIVATE_HOSTS = True
    headers = {"Authorization": f"Bearer EAAbird{sign}song"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(guard.NotSaid) as told:
            guard.request("GET", url, headers, seconds=1)
    assert "bird" not in str(told.value)


@pytest.mark.parametrize("url", ["http://[/", "http://a.example:port/", "http://a\x0bb.example/"])
def test_what_is_no_address_says_so(url: str) -> None:
    with pytest.raises(guard.HTTPFailed):
        guard.request("GET", url, {}, seconds=1)
    with pytest.raises(guard.HTTPFailed):
        guard.get(url, accept="*/*", most_bytes=9)


def test_an_address_as_people_write_it_is_asked_for(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_HOSTS = True
    with recorder() as (url, asked):
        answer = guard.get(f"{url}/ảnh đẹp.png?q=%C3%A9+ư", accept="*/*", most_bytes=9)
    assert answer.status == 200
    assert asked == ["/%E1%BA%A3nh%20%C4%91%E1%BA%B9p.png?q=%C3%A9+%C6%B0"]
