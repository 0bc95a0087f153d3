"""Logs: every line knows its request or task, and no line holds what anybody wrote."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
import structlog
from celery import current_app
from django.db import DatabaseError, connection
from django.test import Client
from pytest_django import Settings

from channels_inbox.chat import limits
from channels_inbox.email.config import MailConfig
from channels_inbox.gates import into
from conversations.models import Entry
from helpdesk import logs
from tests.builders import answer, identity_of, make_cast, ticket_of
from tests.channels_inbox.chatting import make_chat
from tests.channels_inbox.mailing import arrive, connect, make_mail, threaded
from tests.conversations.desk import sign_in
from tests.journeys.serving import serving
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)
MARKER = "Zebrafish"

log = structlog.get_logger("tests")


class Lines(list[dict[str, Any]]):
    """What was logged since, as it would be printed."""

    def __init__(self, stream: io.StringIO) -> None:
        self.stream = stream

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything of every logger, in the form of an installation on given services."""
    # The application sets logging up anew when it is imported.
    import_module("helpdesk.asgi")
    told = logs.configure(as_json=True, level="DEBUG")["formatters"]["line"]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=told["processors"], foreign_pre_chain=told["foreign_pre_chain"]
        )
    )
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield Lines(stream)
    root.removeHandler(handler)
    root.setLevel(level)


def ask(url: str, **headers: str) -> tuple[int, str]:
    """Status and the request's id in the answer."""
    try:
        with urlopen(Request(url, headers=headers), timeout=PATIENCE) as answered:
            return answered.status, answered.headers["X-Request-ID"]
    except HTTPError as error:
        return error.code, error.headers["X-Request-ID"]


def test_every_line_of_a_request_has_its_id(lines: Lines) -> None:
    with serving() as web:
        ids = [ask(f"{web.url}/nowhere-{number}/")[1] for number in range(2)]
    assert len(set(ids)) == 2
    for number, name in enumerate(ids):
        [line] = [one for one in lines.read() if f"/nowhere-{number}/" in str(one["event"])]
        assert line["request_id"] == name


def test_an_id_is_taken_from_our_proxy_and_from_nobody_else(settings: Settings) -> None:
    with serving() as web:
        settings.TRUSTED_PROXY_COUNT = 1
        assert ask(f"{web.url}/healthz", **{"X-Request-ID": "abc-12345"}) == (200, "abc-12345")
        bad = ask(f"{web.url}/healthz", **{"X-Request-ID": 'x" or <b>'})[1]
        assert len(bad) == 32
        settings.TRUSTED_PROXY_COUNT = 0
        assert ask(f"{web.url}/healthz", **{"X-Request-ID": "abc-12345"})[1] != "abc-12345"


@pytest.fixture
def task() -> Iterator[Any]:
    """A task of the tests that logs one line, or stumbles over a word."""

    @current_app.task(name="tests.logs")
    def work(word: str = "") -> None:
        log.info("at_work")
        if word:
            raise ValueError(f"can't read {word}")

    yield work
    current_app.tasks.pop("tests.logs")


def test_every_line_of_a_task_has_its_id_and_none_after_it(lines: Lines, task: Any) -> None:
    names = [str(uuid4()), str(uuid4())]
    for name in names:
        task.apply(task_id=name)
    log.info("between")
    told = [one for one in lines.read() if one["logger"] == "tests"]
    assert [one.get("task_id") for one in told] == [*names, None]
    assert told[0]["task"] == "tests.logs"


def test_a_failed_task_is_told_without_its_words(lines: Lines, task: Any) -> None:
    name = str(uuid4())
    task.apply(task_id=name, args=[MARKER])
    # What is left of others' event loops is told wherever the garbage is collected.
    told = [one for one in lines.read() if one["logger"] != "asyncio"]
    [line] = [one for one in told if one["level"] == "error"]
    assert (line["event"], line["task_id"]) == ("task_failed", name)
    assert line["exception"].startswith("ValueError\n")
    assert "test_logs.py" in line["exception"]
    assert MARKER not in lines.stream.getvalue()


def test_errors_are_told_by_type_and_place_along_their_chain(lines: Lines) -> None:
    try:
        try:
            int(MARKER)
        except ValueError as error:
            raise RuntimeError(MARKER) from error
    except RuntimeError:
        log.exception("went_wrong")
        logging.getLogger("elsewhere").exception("went wrong")
        logging.getLogger("elsewhere").error("went wrong", exc_info=sys.exc_info())
    # Threads of the process log beside us.
    told = [line for line in lines.read() if line["logger"] in ("tests", "elsewhere")]
    for line in told:
        types = [text for text in line["exception"].splitlines() if not text.startswith(" ")]
        assert types == ["RuntimeError", "ValueError"]
    assert len(told) == 3
    assert MARKER not in lines.stream.getvalue()


def test_what_the_database_quotes_is_not_told(lines: Lines) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::int", [MARKER])
    except DatabaseError:
        log.exception("query_failed")
    assert "DataError" in lines.stream.getvalue()
    assert MARKER not in lines.stream.getvalue()


def test_a_day_of_messages_leaves_no_word_of_them(lines: Lines) -> None:
    """Mail, a reply, a note, a draft, a search, and mails that break: all of one marked word."""
    cast = make_cast()
    connect(cast.inbox, MailConfig())
    entry = threaded(
        cast.inbox, make_mail(f"{MARKER} <k@example.org>", subject=MARKER, text=MARKER)
    )
    arrive(cast.inbox, f"From: {MARKER}\r\nSubject: {MARKER}\r\n\r\n{MARKER}".encode())
    arrive(cast.inbox, f"\0{MARKER}".encode() * 100)
    ticket = ticket_of(entry)
    answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of("k@example.org"), text=MARKER)
    alice = sign_in(cast.alice)
    alice.post(f"/tickets/{ticket.pk}/note/", {"note-text": MARKER})
    alice.post(f"/tickets/{ticket.pk}/draft/", {"mode": "note", "text": MARKER})
    alice.post(f"/tickets/{ticket.pk}/reply/", {"text": MARKER})
    alice.get("/search/", {"q": MARKER})
    alice.get(f"/conversations/{ticket.conversation_id}/")
    # And a bug in the middle of it.
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE conversations_entry ADD CONSTRAINT no_more CHECK (text <> 'Zebra!')"
        )
    try:
        item = arrive(cast.inbox, make_mail("k@example.org", text="Zebra!"))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE conversations_entry DROP CONSTRAINT no_more")
    assert item.state == "waiting"
    assert Entry.objects.filter(text__contains=MARKER).exists()
    told = lines.stream.getvalue()
    assert "item_failed" in told
    assert [line for line in told.splitlines() if MARKER in line or "Zebra!" in line] == []


def test_no_line_holds_what_opens_a_door(lines: Lines, settings: Settings) -> None:
    """A link that is good for somebody stands in the address of its page, whatever is answered."""
    settings.CHAT_LIMITS_TIMES = 1
    chat = make_chat(make_cast().support)
    limits.COUNTS.forget()
    told = {"join": MARKER, "welcome": MARKER, "w/confirm": MARKER}
    told |= {f"w/resume/{chat.public_id}": MARKER, "hooks/files": MARKER, "files/inline": MARKER}
    told |= {"pictures": MARKER, "doctor": MARKER}
    client = Client(enforce_csrf_checks=True)
    statuses = set()
    for place, secret in told.items():
        for _time in range(22):
            statuses |= {client.get(f"/{place}/{secret}/").status_code}
        statuses |= {client.post(f"/{place}/{secret}/").status_code}
    assert {403, 404, 405, 429} <= statuses
    assert MARKER not in lines.stream.getvalue()
    assert any("/join/" in str(line["event"]) for line in lines.read())


def test_what_can_not_be_read_is_told_by_its_type(lines: Lines) -> None:
    inbox = make_cast().inbox
    for _time in range(into.HOLDS_AFTER):
        into.failed(inbox.pk, f"ValueError: invalid literal: '{MARKER}'")
    [line] = [one for one in lines.read() if one["event"] == "items_held"]
    assert line["error"] == "ValueError"
    assert MARKER not in lines.stream.getvalue()
