"""A transcript to be made, by somebody who may."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import default_storage

from conversations import exports, replies
from conversations.models import (
    Agent,
    Attachment,
    EntryBody,
    Role,
    Ticket,
    TranscriptExport,
)
from conversations.views.transcript_files import WRITERS
from tests.builders import (
    answer,
    identity_of,
    make_agent,
    make_ticket,
)

if TYPE_CHECKING:
    from tests.builders import Cast

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
