"""Transcripts as files: made once, by somebody, of what their asker may read."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, transaction
from django.http import Http404
from django.urls import reverse
from django.utils import timezone, translation

from conversations import exports, replies, tasks, transcripts
from conversations.errors import BadInput, NotAllowed
from conversations.models import (
    Agent,
    Attachment,
    EntryBody,
    Inbox,
    Membership,
    Role,
    Ticket,
    TranscriptAccess,
    TranscriptAct,
    TranscriptExport,
)
from conversations.views.transcript_files import WRITERS
from tests.builders import (
    answer,
    conversation_of,
    identity_of,
    make_agent,
    make_inbox,
    make_ticket,
    write_in,
)
from tests.conversations.desk import sign_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Entry
    from tests.builders import Cast

pytestmark = pytest.mark.django_db
HOSTILE = (
    '<style>*{color:red}</style><script>alert(1)</script><p style="position:fixed" class="x">'
    'Formatted <b>words</b><img src="https://spy.example/p.gif"><a href="javascript:alert(1)">a</a>'
    '<a href="https://fine.example/">b</a><form action="https://spy.example"><input></form></p>'
)


@pytest.fixture
def suri(cast: Cast) -> Agent:
    return make_agent("Suri", cast.billing, role=Role.SUPERVISOR)


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """A mail with everything, a note, an answer with a hidden copy."""
    ticket = make_ticket(cast.inbox, label="Kim", subject="Boots", text="<i>Where</i> & when?")
    asked = ticket.entries.get(kind="message")
    EntryBody.objects.update_or_create(entry=asked, defaults={"html": HOSTILE})
    Attachment.objects.create(
        entry=asked,
        conversation_id=ticket.conversation_id,
        filename="<bill>.pdf",
        content_type="application/pdf",
        size=2048,
    )
    replies.note(ticket, by=cast.bob, text="Between us", client_token=uuid.uuid4())
    sent = answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of())
    ticket.entries.filter(pk=sent.pk).update(
        data={"to": ["kim@example.org"], "bcc": ["boss@x.example"]}
    )
    return ticket


def ask(
    by: Agent, *, format: str = "html", with_notes: bool = True, **subject: Any
) -> TranscriptExport:
    subject.setdefault("client_token", uuid.uuid4())
    return exports.ask(by=by, format=format, with_notes=with_notes, **subject)


def made(export: TranscriptExport) -> str:
    exports.make_waiting(WRITERS)
    export.refresh_from_db()
    assert export.state == "done", export.reason
    assert export.done_entries == export.all_entries
    with default_storage.open(export.storage_key) as file:
        content: bytes = file.read()
    assert export.size == len(content)
    return content.decode()


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


def test_the_same_wish_twice_is_one(suri: Agent, ticket: Ticket) -> None:
    token = uuid.uuid4()
    first = ask(suri, ticket=ticket, client_token=token)
    assert ask(suri, ticket=ticket, client_token=token) == first
    assert TranscriptAccess.objects.filter(act=TranscriptAct.EXPORTED).count() == 1
    made(first)
    assert exports.make_waiting(WRITERS) == 0


def test_too_many_at_once_are_refused(suri: Agent, ticket: Ticket) -> None:
    for _ in range(exports.MOST_WAITING):
        ask(suri, ticket=ticket)
    with pytest.raises(BadInput):
        ask(suri, ticket=ticket)
    assert TranscriptExport.objects.count() == exports.MOST_WAITING


def test_agents_may_not_ask(cast: Cast, ticket: Ticket) -> None:
    with pytest.raises(NotAllowed):
        ask(cast.alice, ticket=ticket)


def test_what_a_killed_worker_left_is_made_by_another(suri: Agent, ticket: Ticket) -> None:
    export = ask(suri, ticket=ticket)
    dead = exports.claim()
    assert dead is not None
    left = default_storage.save(dead.key, default_storage.open(_some_file()))
    TranscriptExport.objects.filter(pk=export.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )
    assert "when?" in made(export)
    assert not default_storage.exists(left)
    # The one that was thought dead wakes up: it can neither end nor spoil what is done.
    exports.make(dead, WRITERS)
    export.refresh_from_db()
    assert (export.state, export.lease_epoch) == ("done", 2)
    assert default_storage.exists(export.storage_key)
    assert not default_storage.exists(dead.key)


def _some_file() -> str:
    from django.core.files.base import ContentFile

    return default_storage.save("exports/zz/test", ContentFile(b"half"))


def test_one_that_is_being_made_is_left_alone(suri: Agent, ticket: Ticket) -> None:
    ask(suri, ticket=ticket)
    assert exports.claim() is not None
    assert exports.claim() is None


def test_one_that_kills_its_workers_ends(suri: Agent, ticket: Ticket) -> None:
    export = ask(suri, ticket=ticket)
    for _ in range(exports.MOST_CLAIMS):
        assert exports.claim() is not None
        TranscriptExport.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    exports.make_waiting(WRITERS)
    export.refresh_from_db()
    assert (export.state, export.reason, export.storage_key) == ("failed", "error", "")


class Breaking:
    """A writer that tells how far the row is, and then breaks."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def begin(self, export: TranscriptExport, at: object) -> str:
        return ""

    def chapter(self, chapter: object) -> str:
        return ""

    def entries(self, entries: Sequence[Entry]) -> str:
        row = TranscriptExport.objects.get()
        self.seen.append((row.done_entries, row.all_entries))
        if len(self.seen) == 3:
            raise RuntimeError("broken")
        return ""

    def end_chapter(self) -> str:
        return ""

    def end(self) -> str:
        return ""


def test_progress_is_told_and_a_failure_said(
    suri: Agent, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "PIECE", 2)
    ticket = make_ticket(cast.inbox)
    for n in range(9):
        replies.note(ticket, by=cast.alice, text=f"n{n}", client_token=uuid.uuid4())
    export = ask(suri, ticket=ticket)
    writer = Breaking()
    exports.make_waiting({"html": lambda: writer})
    many = ticket.entries.count()
    assert writer.seen == [(0, many), (2, many), (4, many)]
    export.refresh_from_db()
    assert (export.state, export.reason, export.storage_key) == ("failed", "error", "")


def test_a_file_is_deleted_when_its_time_is_over(suri: Agent, ticket: Ticket) -> None:
    export = ask(suri, ticket=ticket)
    made(export)
    key = export.storage_key
    assert exports.expire() == 0
    TranscriptExport.objects.update(expires_at=timezone.now())
    assert exports.expire() == 1
    export.refresh_from_db()
    assert (export.state, export.storage_key) == ("expired", "")
    assert not default_storage.exists(key)
    assert download(suri, export) == 404


def test_a_file_that_cannot_be_deleted_holds_up_nothing(suri: Agent, ticket: Ticket) -> None:
    stuck, old = ask(suri, ticket=ticket), ask(suri, ticket=ticket)
    made(old)
    made(stuck)
    # A folder with something in it, which no storage deletes as a file.
    folder, _slash, _name = stuck.storage_key.rpartition("/")
    TranscriptExport.objects.filter(pk=stuck.pk).update(storage_key=folder)
    TranscriptExport.objects.update(expires_at=timezone.now())
    waiting = ask(suri, ticket=ticket)
    tasks.make_exports()
    for export in (stuck, old, waiting):
        export.refresh_from_db()
    assert (stuck.state, old.state, waiting.state) == ("done", "expired", "done")


def test_a_file_that_is_gone_was_not_downloaded(suri: Agent, ticket: Ticket) -> None:
    export = ask(suri, ticket=ticket)
    made(export)
    default_storage.delete(export.storage_key)
    assert download(suri, export) == 404
    assert not TranscriptAccess.objects.filter(act=TranscriptAct.DOWNLOADED).exists()


def download(agent: Agent, export: TranscriptExport) -> int:
    return sign_in(agent).get(reverse("transcripts:file", args=[export.public_id])).status_code


def test_the_file_is_for_its_asker_and_each_download_is_written_down(
    suri: Agent, cast: Cast, ticket: Ticket
) -> None:
    export = ask(suri, ticket=ticket)
    assert download(suri, export) == 404
    made(export)
    assert download(suri, export) == 200
    other = make_agent("Omar", cast.support, role=Role.ADMIN)
    assert download(other, export) == 404
    assert download(cast.alice, export) == 403
    rows = TranscriptAccess.objects.filter(act=TranscriptAct.DOWNLOADED)
    assert [(row.agent, row.export, row.ticket) for row in rows] == [(suri, export, ticket)]
    answered = sign_in(suri).get(reverse("transcripts:file", args=[export.public_id]))
    assert answered["Content-Disposition"].startswith('attachment; filename="transcript-kim-')
    assert answered["Content-Security-Policy"] == "default-src 'none'; sandbox"


def restrict(ticket: Ticket) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(restriction="legal")


def test_rights_are_asked_when_it_is_made_and_when_it_is_fetched(
    suri: Agent, cast: Cast, ticket: Ticket
) -> None:
    done = ask(suri, ticket=ticket)
    made(done)
    late = ask(suri, ticket=ticket)
    restrict(ticket)
    exports.make_waiting(WRITERS)
    late.refresh_from_db()
    assert (late.state, late.reason) == ("failed", "gone")
    assert download(suri, done) == 404
    with pytest.raises(Http404):
        exports.fetched(done, by=suri)


@pytest.mark.parametrize("change", [{"role": Role.AGENT}, {"is_active": False}])
def test_who_is_no_supervisor_any_more_gets_nothing(
    suri: Agent, ticket: Ticket, change: dict[str, object]
) -> None:
    export = ask(suri, ticket=ticket)
    Membership.objects.filter(agent=suri).delete()
    Agent.objects.filter(pk=suri.pk).update(**change)
    exports.make_waiting(WRITERS)
    export.refresh_from_db()
    assert (export.state, export.reason) == ("failed", "gone")


def test_restricted_matters_are_in_no_file_of_others(suri: Agent, cast: Cast) -> None:
    secret = make_ticket(
        make_inbox(cast.support, "Secret box", restriction="health"), text="My illness"
    )
    write_in(make_inbox(cast.billing, "Bills"), text="My open question about illness")
    conversation = conversation_of()
    for kind in ("html", "json"):
        for subject in ({"conversation": conversation}, {"query": "text=illness"}):
            text = made(ask(suri, format=kind, **subject))
            assert "My open question" in text
            assert "My illness" not in text
    refused = ask(suri, ticket=secret)
    exports.make_waiting(WRITERS)
    refused.refresh_from_db()
    assert refused.reason == "gone"


def test_a_search_becomes_one_file(
    suri: Agent, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        make_ticket(cast.inbox, f"c{n}@example.org", text=f"boots {n}")
    make_ticket(cast.inbox, "other@example.org", text="hats")
    told = json.loads(made(ask(suri, format="json", query="text=boots")))
    texts = [one["text"] for part in told["transcripts"] for one in part["entries"]]
    assert sorted(filter(None, texts)) == ["boots 0", "boots 1", "boots 2"]
    assert told["subject"]["search"] == "text=boots"
    monkeypatch.setattr(exports, "MOST_TICKETS", 2)
    export = ask(suri, query="text=boots")
    exports.make_waiting(WRITERS)
    export.refresh_from_db()
    assert (export.state, export.reason) == ("failed", "too_much")


def test_a_search_by_a_name_too_many_have_becomes_none(
    suri: Agent, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "MOST_CUSTOMERS", 2)
    for n in range(3):
        make_ticket(cast.inbox, f"c{n}@example.org", label=f"Kim {n}")
    export = ask(suri, query="customer=kim")
    exports.make_waiting(WRITERS)
    export.refresh_from_db()
    assert (export.state, export.reason) == ("failed", "too_much")


@pytest.mark.parametrize("letter", ["ữ", "漢", "🐈"])
def test_a_long_search_in_any_script_is_kept(suri: Agent, cast: Cast, letter: str) -> None:
    told: dict[str, object] = {"text": letter * 200, "customer": letter * 200, "status": "resolved"}
    told |= {"agent": cast.alice.pk, "team": cast.support.pk, "channel": "email"}
    told |= {"since": "2026-01-01", "until": "2026-12-31"}
    url = f"{reverse('transcripts:export-search')}?{urlencode(told)}"
    answered = sign_in(suri).post(url, {"format": "html", "client_token": uuid.uuid4()})
    assert answered.status_code == 302
    assert transcripts.Asked.of(TranscriptExport.objects.get().query).text == letter * 200


def test_the_pages_ask_show_and_hand_out(suri: Agent, cast: Cast, ticket: Ticket) -> None:
    client = sign_in(suri)
    token = str(uuid.uuid4())
    for name, pk in (("export-ticket", ticket.pk), ("export-conversation", ticket.conversation_id)):
        url = reverse(f"transcripts:{name}", args=[pk])
        asked = {"format": "json", "client_token": str(uuid.uuid4())}
        assert client.post(url, asked).headers["Location"] == reverse("transcripts:exports")
    url = f"{reverse('transcripts:export-search')}?text=when&team={cast.support.pk}"
    client.post(url, {"format": "html", "client_token": token})
    page = client.get(reverse("transcripts:exports")).content.decode()
    assert page.count("<progress") == 3
    assert 'hx-trigger="every 1s"' in page
    assert "“when” · Support" in page
    exports.make_waiting(WRITERS)
    page = client.get(reverse("transcripts:exports")).content.decode()
    assert page.count(">Download<") == 3
    assert "hx-trigger" not in page
    assert client.get(reverse("transcripts:log")).content.decode().count("asked for a file") == 3


@pytest.mark.parametrize(
    "values",
    [
        {"query": ""},
        {"query": "a", "state": "done"},
        {"query": "a", "state": "working"},
        {"query": "a", "state": "failed"},
        {"query": "a", "state": "expired", "storage_key": "x"},
        {"query": "a", "done_entries": 2, "all_entries": 1},
        {"query": "a", "format": "pdf"},
    ],
)
def test_the_database_refuses_what_makes_no_sense(suri: Agent, values: dict[str, Any]) -> None:
    rest = {"format": "html", "with_notes": False, "language": "en", "time_zone": "UTC"}
    with pytest.raises(IntegrityError), transaction.atomic():
        TranscriptExport.objects.create(agent=suri, **{**rest, **values})


def test_what_was_asked_never_changes(suri: Agent, ticket: Ticket) -> None:
    export = ask(suri, ticket=ticket)
    rows = TranscriptExport.objects.filter(pk=export.pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(with_notes=False)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()
    assert Inbox.objects.exists()
