"""Transcripts as files: made once, by somebody, of what their asker may read."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, transaction
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from conversations import exports, replies, tasks, transcripts
from conversations.errors import BadInput, NotAllowed
from conversations.models import (
    Agent,
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
    conversation_of,
    make_agent,
    make_inbox,
    make_ticket,
    write_in,
)
from tests.conversations.desk import sign_in
from tests.conversations.transcript_making import ask, made, suri, ticket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Entry
    from tests.builders import Cast

__all__ = ["suri", "ticket"]
pytestmark = pytest.mark.django_db


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


def test_one_that_is_being_made_is_left_alone(
    suri: Agent, ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LEASE", timedelta(minutes=5))
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


def test_a_file_with_notes_says_so_in_its_name(suri: Agent, ticket: Ticket) -> None:
    for with_notes, told in ((True, True), (False, False)):
        export = ask(suri, ticket=ticket, with_notes=with_notes)
        made(export)
        answered = sign_in(suri).get(reverse("transcripts:file", args=[export.public_id]))
        assert ("-with-notes." in answered["Content-Disposition"]) is told


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
