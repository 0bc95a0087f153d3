"""Whatever goes wrong is told as problem details, and how often one may ask is limited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from helpdesk.caching import TolerantRedisCache
from tests.builders import Cast, conversation_of
from tests.conversations.api.calls import Program

if TYPE_CHECKING:
    from django.http import HttpResponse
    from pytest_django.fixtures import SettingsWrapper

    from conversations.models import Ticket

pytestmark = pytest.mark.django_db


def problem(told: HttpResponse) -> tuple[int, str]:
    """Its status and code, after a look at its shape."""
    assert told["Content-Type"] == "application/problem+json", told.content
    words = told.json()
    assert words["status"] == told.status_code
    assert words["type"] == f"urn:helpdesk:problem:{words['code']}"
    assert words["title"]
    assert words["detail"]
    return told.status_code, words["code"]


def test_addresses_that_are_none(alice: Program) -> None:
    for path in ("nowhere/", "tickets", "tickets/abc/", "/api/", "/api/v2/tickets/", "files/x/"):
        assert problem(alice.get(path)) == (404, "not_found"), path
        assert problem(alice.post(path)) == (404, "not_found"), path


def test_methods_that_are_none(alice: Program, ticket: Ticket) -> None:
    for method, path in (
        ("PUT", "tickets/"),
        ("DELETE", f"tickets/{ticket.pk}/"),
        ("OPTIONS", "me/"),
    ):
        told = alice.send(method, path)
        assert problem(told) == (405, "method_not_allowed")
        assert "GET" in told["Allow"]
    assert alice.get(f"tickets/{ticket.pk}/reply/")["Allow"].startswith("POST")


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"{", "application/json", (400, "parse_error")),
        (b"\xff\xfe", "application/json", (400, "parse_error")),
        (b"[" * 100_000, "application/json", (400, "parse_error")),
        (b'{"text": NaN}', "application/json", (400, "parse_error")),
        (b'{"epoch": ' + b"9" * 6000 + b"}", "application/json", (400, "parse_error")),
        (b"[]", "application/json", (422, "invalid")),
        (b'"x"', "application/json", (422, "invalid")),
        (b"null", "application/json", (422, "invalid")),
        (b"text=x", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        (b"x", "text/plain", (415, "unsupported_media_type")),
        (b'{"text": "' + b"x" * 1_000_001 + b'"}', "application/json", (413, "too_large")),
    ],
)
def test_bodies_that_are_none(
    alice: Program, ticket: Ticket, body: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    told = alice.send("POST", f"tickets/{ticket.pk}/note/", body, content_type=content_type)
    assert problem(told) == expected


def test_values_that_dont_fit_are_named(alice: Program, ticket: Ticket) -> None:
    sent = {"text": "a\x00b", "seen_head": -1, "cc": ["boss@example.org", "x"], "then": "asleep"}
    told = alice.post(f"tickets/{ticket.pk}/reply/", sent)
    assert problem(told) == (422, "invalid")
    assert [one["field"] for one in told.json()["errors"]] == ["text", "seen_head", "cc.1", "then"]


NONSENSE: list[Any] = [
    None, "", "x", -1, 0, 2**63, 10**40, 1.5, True, [], {}, "\x00", "\ud800", "9" * 40, ["\x00"],
    "2026-13-45T99:99", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
]  # fmt: skip


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
def test_nonsense_is_a_refusal_and_never_a_failure(
    alice: Program, ticket: Ticket, value: Any
) -> None:
    paths = {
        "reply": ("text", "seen_head", "anyway", "identity", "inbox", "subject", "cc", "then", "files"),
        "note": ("text", "files"),
        "take": ("epoch",),
        "assign": ("epoch", "team", "agent"),
        "snooze": ("until",),
        "offers": ("team", "agent", "warm", "minutes", "packet"),
        "promises": ("text", "due_at", "channel", "entry"),
    }  # fmt: skip
    for name, fields in paths.items():
        body = dict.fromkeys(fields, value)
        for sent in (body, {"text": "x", "seen_head": 1, "epoch": 1, **{fields[-1]: value}}):
            told = alice.post(f"tickets/{ticket.pk}/{name}/", sent)
            assert told.status_code < 500, (name, told.content)
    told = alice.post("customers/", {"name": value, "identities": value})
    assert problem(told) in ((422, "invalid"), (400, "parse_error"))


@pytest.mark.parametrize(
    "query",
    [
        "tickets/?cursor=x", "tickets/?cursor=%00", "tickets/?cursor=eHh4", "tickets/?cursor=MQ==",
        "tickets/?cursor=LDE=", "tickets/?status=asleep", "tickets/?agent=²", "tickets/?team=x",
        "offers/?whose=x", "offers/?cursor=LDE=", "promises/?whose=x", "promises/?cursor=x",
        "customers/?cursor=LDk5OTk5OTk5OTk5OTk5OTk5OTk5OTk=", "customers/?address=%00",
        "conversations/{c}/entries/?since=-1", "conversations/{c}/entries/?since=x",
        "conversations/{c}/entries/?since=99999999999999999999", "conversations/{c}/entries/?since=1&order=oldest",
        "conversations/{c}/entries/?cursor=LDE=", "conversations/{c}/entries/?order=up",
        "conversations/{c}/entries/?ticket=999999999",
    ],
)  # fmt: skip
def test_queries_that_are_none(alice: Program, ticket: Ticket, query: str) -> None:
    told = alice.get(query.format(c=conversation_of().pk))
    assert problem(told) == (422, "invalid")


def test_numbers_nobody_has(alice: Program) -> None:
    for number in (0, 10**9, 2**63, 10**30):
        for noun in (
            "customers",
            "conversations",
            "tickets",
            "entries",
            "identities",
            "held",
            "teams",
            "agents",
            "inboxes",
            "offers",
            "promises",
        ):
            assert problem(alice.get(f"{noun}/{number}/")) == (404, "not_found"), (noun, number)
        assert problem(alice.get(f"conversations/{number}/entries/")) == (404, "not_found")


def test_what_the_caller_cant_read_is_said(alice: Program) -> None:
    told = alice.client.get(
        "/api/v1/me/", headers={"Authorization": f"Bearer {alice.secret}", "Accept": "text/html"}
    )
    assert problem(told) == (406, "not_acceptable")


def test_refusals_speak_the_readers_language(alice: Program) -> None:
    told = alice.client.get("/api/v1/nowhere/", headers={"Accept-Language": "vi"})
    assert told.json()["detail"].startswith("Không")


# How often


def test_a_token_that_asks_too_often_waits(
    alice: Program, cast: Cast, ticket: Ticket, settings: SettingsWrapper
) -> None:
    settings.API_READS_PER_MINUTE, settings.API_CHANGES_PER_MINUTE = 5, 2
    answers = [alice.get("me/") for _ in range(12)]
    # A new minute may have begun in between.
    assert 5 <= [told.status_code for told in answers].count(200) <= 10
    told = next(one for one in answers if one.status_code != 200)
    assert problem(told) == (429, "throttled")
    assert 0 < int(told["Retry-After"]) <= 61
    # Changes are counted apart, and so are other tokens.
    assert alice.post(f"tickets/{ticket.pk}/resolve/").status_code == 200
    assert Program(cast.bob).get("me/").status_code == 200


def test_the_count_goes_on_while_redis_is_away(alice: Program, settings: SettingsWrapper) -> None:
    settings.API_READS_PER_MINUTE = 5
    away, TolerantRedisCache.avoided_until = TolerantRedisCache.avoided_until, float("inf")
    try:
        codes = [alice.get("me/").status_code for _ in range(12)]
    finally:
        TolerantRedisCache.avoided_until = away
    assert 5 <= codes.count(200) <= 10
    assert set(codes) == {200, 429}


def test_a_machine_that_tries_tokens_waits_and_a_good_one_from_there_works(alice: Program) -> None:
    codes = [
        Client().get("/api/v1/me/", HTTP_AUTHORIZATION="Bearer desk_x").status_code
        for _ in range(130)
    ]
    assert 60 <= codes.count(401) <= 120
    assert set(codes) == {401, 429}
    assert alice.get("me/").status_code == 200
