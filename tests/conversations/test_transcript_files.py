"""What transcripts say as files: safe wherever they are opened, and whole."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone, translation

from conversations import replies, transcripts
from conversations.models import (
    Agent,
    EntryBody,
    Ticket,
)
from tests.builders import (
    make_ticket,
)
from tests.conversations.transcript_making import ask, made, suri, ticket

if TYPE_CHECKING:
    from tests.builders import Cast

__all__ = ["suri", "ticket"]
pytestmark = pytest.mark.django_db


def test_the_page_is_safe_whole_and_alone(suri: Agent, ticket: Ticket) -> None:
    page = made(ask(suri, ticket=ticket))
    assert "&lt;i&gt;Where&lt;/i&gt; &amp; when?" in page
    assert "&lt;bill&gt;.pdf" in page
    assert "Between us" in page
    assert "boss@x.example" in page
    assert "Formatted <b>words</b>" in page
    for mark in ("<script", "<img", "<form", "<input", "javascript:", "spy.example", "position:"):
        assert mark not in page, mark
    body = page[page.index("<main>") :]
    assert not re.search(r"\s(style|class)=\"(x|position)", body)
    assert re.findall(r'(?:href|src)="([^"]*)"', page) == ["https://fine.example/"]
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy[1].startswith("default-src &#x27;none&#x27;; style-src &#x27;sha256-")


def test_without_notes_nothing_internal_is_in_it(suri: Agent, cast: Cast, ticket: Ticket) -> None:
    for kind in ("html", "json"):
        text = made(ask(suri, format=kind, with_notes=False, ticket=ticket))
        assert "when?" in text
        assert "It is on its way." in text
        for mark in ("Between us", "boss@x.example", "aligned", "Bob", "opened"):
            assert mark not in text.replace('"opened_at"', "").replace("<dt>Opened</dt>", ""), mark


def test_withdrawn_words_are_for_insiders(suri: Agent, ticket: Ticket) -> None:
    ticket.entries.filter(direction="out").update(withdrawn_at=timezone.now())
    for kind in ("html", "json"):
        assert "on its way" in made(ask(suri, format=kind, ticket=ticket))
        assert "on its way" not in made(ask(suri, format=kind, with_notes=False, ticket=ticket))


def test_withdrawn_files_and_subjects_too(suri: Agent, ticket: Ticket) -> None:
    said = ticket.entries.filter(kind="message", direction="in")
    said.update(withdrawn_at=timezone.now(), subject="Another matter")
    for kind in ("html", "json"):
        text = made(ask(suri, format=kind, ticket=ticket))
        assert ".pdf" in text
        assert "Another matter" in text
        text = made(ask(suri, format=kind, with_notes=False, ticket=ticket))
        assert ".pdf" not in text
        assert "Another matter" not in text


def test_no_more_of_a_message_is_read_than_a_file_may_show(suri: Agent, ticket: Ticket) -> None:
    long = "<p>Formatted</p>" * 20_000
    EntryBody.objects.update(html=long, full_text="The whole text")
    [chapter] = transcripts.chapters(suri, [ticket.pk])
    rows = transcripts.entries_of(chapter, suri, with_notes=True, until=timezone.now())
    [piece] = transcripts.pieces(rows)
    [entry] = [one for one in piece if getattr(one, "body", None)]
    assert entry.body.get_deferred_fields() == {"html"}
    assert len(entry.html) == transcripts.LONGEST_BODY + 1  # type: ignore[attr-defined]
    page = made(ask(suri, ticket=ticket))
    assert "The whole text" in page
    assert "Formatted" not in page


def test_the_data_has_its_shape(suri: Agent, ticket: Ticket) -> None:
    told = json.loads(made(ask(suri, format="json", ticket=ticket)))
    assert list(told) == [
        *("format", "version", "as_of", "asked_at", "asked_by", "with_notes", "subject"),
        "transcripts",
    ]
    assert (told["format"], told["version"]) == ("helpdesk-transcript", 1)
    assert told["subject"] == {"ticket": ticket.pk, "conversation": None, "search": None}
    [chapter] = told["transcripts"]
    assert chapter["customer"]["name"] == "Kim"
    assert [one["id"] for one in chapter["tickets"]] == [ticket.pk]
    said = [
        (one["kind"], one["by"]["kind"], one["by"]["name"])
        for one in chapter["entries"]
        if one["kind"] != "event"
    ]
    assert said == [
        ("message", "customer", "Kim"),
        ("note", "agent", "Bob"),
        ("message", "agent", "Alice"),
    ]
    happened = [one for one in chapter["entries"] if one["kind"] == "event"]
    assert happened[0]["event"] == "opened"
    assert happened[0]["by"]["kind"] == "system"
    assert happened[0]["sentence"] == "Opened for Support"
    asked = next(one for one in chapter["entries"] if one["kind"] == "message")
    assert asked["files"] == [
        {"filename": "<bill>.pdf", "content_type": "application/pdf", "size": 2048}
    ]
    assert set(asked) == {
        *("id", "number", "ticket", "at", "occurred_at", "late", "kind", "direction", "by"),
        *("address", "channel", "subject", "text", "whole_text", "withdrawn", "delivery"),
        *("files", "to", "cc", "bcc", "proof"),
    }


def test_every_entry_is_in_it_once_in_order(
    suri: Agent, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "PIECE", 3)
    ticket = make_ticket(cast.inbox)
    for n in range(10):
        replies.note(ticket, by=cast.alice, text=f"n{n}", client_token=uuid.uuid4())
    told = json.loads(made(ask(suri, format="json", ticket=ticket)))
    wanted = list(ticket.entries.order_by("at", "id").values_list("pk", flat=True))
    assert [one["id"] for one in told["transcripts"][0]["entries"]] == wanted
    page = made(ask(suri, ticket=ticket))
    assert [int(n) for n in re.findall(r">n(\d+)<", page)] == list(range(10))


def test_it_speaks_the_askers_language_and_time(suri: Agent, ticket: Ticket) -> None:
    moment = timezone.now().replace(hour=20, minute=7)
    Ticket.objects.filter(pk=ticket.pk).update(opened_at=moment)
    with translation.override("vi"), timezone.override("Asia/Ho_Chi_Minh"):
        export = ask(suri, ticket=ticket)
    page = made(export)
    assert '<html lang="vi">' in page
    assert "Asia/Ho_Chi_Minh" in page
    assert f"{(moment + timedelta(hours=7)):%H:%M}" == "03:07"
    assert "03:07" in page
