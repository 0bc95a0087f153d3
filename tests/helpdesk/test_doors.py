"""The short way in: who may take it, and what its answers still carry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import ResolverMatch, URLPattern, URLResolver, get_resolver, resolve

from channels_inbox.email.config import MailConfig
from conversations.errors import NotAllowed
from helpdesk import doors
from tests.builders import Cast, make_cast
from tests.channels_inbox.chatting import Visitor, make_chat
from tests.channels_inbox.mailing import connect, make_mail, post
from tests.conversations.desk import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

# Each of these proves who comes by a signature or a token, and none knows anybody by a cookie.
DOORS: Final = {
    "doctor-knock",
    "hook",
    "outgoing-file",
    "session",
    "since",
    "messages",
    "seen",
    "email",
    "leave",
    "resume-by-code",
}
SAMPLES: Final = {
    "int": "7",
    "slug": "ab-c",
    "str": "abc",
    "path": "a/b",
    "uuid": "0b0e0d3e-6b5c-4a3a-9d86-6f1f6ab0c0de",
}


@pytest.fixture
def cast(db: None) -> Cast:
    cast = make_cast()
    connect(cast.inbox, MailConfig())
    return cast


def routes(patterns: Any = None, before: str = "/") -> Iterator[tuple[str, URLPattern]]:
    """A sample path of every route of the product."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        path = before + re.sub(
            r"<(?:(\w+):)?\w+>", lambda found: SAMPLES[found[1] or "str"], str(one.pattern)
        )
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, path)
        else:
            yield path, one


def test_these_are_the_doors_and_no_page_is_among_them() -> None:
    found = {path: one for path, one in routes() if doors.find(path)}
    assert {one.name for one in found.values()} == DOORS
    assert len(list(routes())) > 100
    for path in found:
        door = doors.find(path)
        assert door is not None
        assert door.func is resolve(path).func
        assert getattr(door.func, "csrf_exempt", False)


@pytest.mark.parametrize(
    "path",
    [
        "/doctor/",
        "/w/",
        "/w/abc.js",
        "/w/abc/panel/",
        "/w/confirm/abc/",
        "/w/abc/files/",
        "/hooks/",
        "/w/a/b/",
    ],
)
def test_pages_beside_the_doors_are_pages(path: str) -> None:
    assert doors.find(path) is None


def test_no_session_is_read_and_no_cookie_set(cast: Cast) -> None:
    kim = Visitor(make_chat(cast.support), client=sign_in(cast.alice))
    kim.begin()
    with CaptureQueriesContext(connection) as asked:
        answers = [
            kim.send(),
            kim.client.get(kim.path("since"), headers=kim.headers),
            post(kim.client, cast.inbox, make_mail()),
        ]
    assert [one.status_code for one in answers] == [202, 200, 202]
    assert not [one for one in asked if "session" in one["sql"] or "_agent" in one["sql"]]
    for one in answers:
        assert "Set-Cookie" not in one.headers
        assert not one.cookies
        assert not hasattr(one.wsgi_request, "session")


def test_answers_are_as_closed_as_pages(cast: Cast, settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 100
    kim = Visitor(make_chat(cast.support))
    kim.begin()
    secure = Client()
    answers = [
        secure.get(kim.path("since"), headers=kim.headers, secure=True),
        secure.get(kim.path("since"), secure=True),
        secure.put(kim.path("since"), secure=True),
        secure.post("/hooks/email/nowhere/", b"", content_type="text/plain", secure=True),
    ]
    assert [one.status_code for one in answers] == [200, 401, 405, 401]
    for one in answers:
        assert one["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert one["X-Content-Type-Options"] == "nosniff"
        assert one["X-Frame-Options"] == "DENY"
        assert one["Referrer-Policy"] == "same-origin"
        assert one["Cross-Origin-Opener-Policy"] == "same-origin"
        assert one["Strict-Transport-Security"] == "max-age=100"
        assert one["Content-Length"] == str(len(one.content))
    assert "no-store" in answers[0]["Cache-Control"]


def test_another_host_and_an_open_line_are_refused_as_anywhere(
    cast: Cast, settings: Settings
) -> None:
    path = Visitor(make_chat(cast.support)).path("since")
    assert Client().get(path, headers={"host": "evil.example"}).status_code == 400
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get(path).status_code == 301


def test_a_refusal_nobody_answered_for_is_json() -> None:
    def refuse(request: Any) -> HttpResponse:
        raise NotAllowed

    request = RequestFactory().post("/hooks/email/x/")
    request.resolver_match = ResolverMatch(refuse, (), {})
    answer = doors.enter(request)
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/json")
