"""Pictures on other servers: nobody is told of a mail that is read, until somebody asks for them."""

from __future__ import annotations

import io
import re
import threading
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from channels_inbox import guard
from tests.builders import make_cast, write_in
from tests.pictures import picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(transaction=True)


class Elsewhere:
    """A web server of the sender's, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place.asked.append((self.path, dict(self.headers)))
            status, headers, body = place.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place = Elsewhere(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield place
        server.shutdown()


def shown(client: Client, place: Elsewhere, source: str, query: str) -> list[str]:
    cast = make_cast()
    entry = write_in(cast.inbox, html=f'<p>Hi</p><img src="{source or place.url + "/a.png"}">')
    client.force_login(cast.alice, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/entries/{entry.pk}/whole/{query}").content.decode()
    return re.findall(r'src="([^"]+)"', page)


def test_reading_a_mail_asks_its_sender_for_nothing(client: Client) -> None:
    with elsewhere() as place:
        assert shown(client, place, "", "") == []
        assert place.asked == []


def test_pictures_asked_for_come_through_us_and_say_nothing_of_the_agent(client: Client) -> None:
    with elsewhere() as place:
        place.answers["/a.png"] = (200, {"Set-Cookie": "a=b"}, picture("JPEG"))
        (source,) = shown(client, place, "", "?pictures")
        client.logout()
        answer = client.get(source)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.content)).size == (3, 2)
    assert "Set-Cookie" not in answer.headers
    ((path, headers),) = place.asked
    assert path == "/a.png"
    assert {name.lower() for name in headers} <= {"host", "accept", "connection"}


def test_an_address_that_we_did_not_sign_fetches_nothing(client: Client) -> None:
    with elsewhere() as place:
        (source,) = shown(client, place, "", "?pictures")
        assert client.get(source[:-2] + "x/").status_code == 404
        assert client.get("/pictures/http:%2F%2F127.0.0.1%2Fa.png/").status_code == 404
        assert place.asked == []


@pytest.mark.parametrize(
    "body",
    [b"<svg onload=alert(1)>", b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + zlib.compress(b"0" * 99)],
)
def test_only_pictures_come_back(client: Client, body: bytes) -> None:
    with elsewhere() as place:
        place.answers["/a.png"] = (200, {"Content-Type": "image/png"}, body)
        (source,) = shown(client, place, "", "?pictures")
        assert client.get(source).status_code == 404


def test_redirects_are_few_and_checked(client: Client, settings: SettingsWrapper) -> None:
    with elsewhere() as place:
        place.answers["/a.png"] = (302, {"Location": "/b.png"}, b"")
        place.answers["/b.png"] = (200, {}, picture())
        (source,) = shown(client, place, "", "?pictures")
        assert client.get(source).status_code == 200
        place.answers["/b.png"] = (302, {"Location": "/a.png"}, b"")
        assert client.get(source).status_code == 404
        assert len(place.asked) == 2 + 1 + guard.MOST_REDIRECTS
        settings.ALLOW_PRIVATE_HOSTS = False
        asked = len(place.asked)
        assert client.get(source).status_code == 404
        assert len(place.asked) == asked


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "http://[::ffff:a9fe:a9fe]/",
        "http://2130706433/",
        "http://user@93.184.215.14/",
        "http://93.184.215.14:22/",
        "ftp://93.184.215.14/",
        "http://",
        "//93.184.215.14/",
    ],
)
def test_addresses_that_are_never_fetched(url: str, settings: SettingsWrapper) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    with pytest.raises(guard.HTTPFailed):
        guard.get(url, accept="image/*", most_bytes=10)


def test_an_answer_without_end_is_cut_off() -> None:
    with elsewhere() as place:
        place.answers["/a.png"] = (200, {}, b"x" * 100)
        with pytest.raises(guard.HTTPFailed):
            guard.get(f"{place.url}/a.png", accept="image/*", most_bytes=99)
