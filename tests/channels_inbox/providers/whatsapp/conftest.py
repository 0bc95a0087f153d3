"""A number of WhatsApp at a stand-in of Meta, connected as an admin does it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from conversations import attachments, replies
from conversations.models import Entry, Identity, Template, Window
from conversations.thread import database_now
from helpdesk.sandbox.whatsapp import WhatsAppSandbox
from tests.builders import head_of, outgoing, ticket_of
from tests.channels_inbox.providers.conftest import Place, connected, knock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Agent
    from tests.builders import Cast


def ask(url: str) -> tuple[int, str]:
    """Ask a hook as Meta does before it calls it."""
    parts = urlsplit(url)
    answer = Client().get(f"{parts.path}?{parts.query}")
    return answer.status_code, answer.content.decode()


def ask_from_elsewhere(url: str) -> tuple[int, str]:
    try:
        return ask(url)
    finally:
        connection.close()


@pytest.fixture
def sandbox() -> Iterator[WhatsAppSandbox]:
    with WhatsAppSandbox(knock=knock) as server:
        yield server


@pytest.fixture
def place(sandbox: WhatsAppSandbox, cast: Cast, admin: Agent) -> Place:
    place = connected(sandbox, cast, admin)
    sandbox.says("Hi")
    place.work()
    return place


def by_template(place: Place, name: str, **values: str) -> Entry:
    """Alice answers with a template."""
    template = Template.objects.get(name=name)
    ticket = ticket_of(place.messages()[0])
    told = outgoing(Identity.objects.get(value=place.sandbox.customer), place.inbox, "")
    keys = {f"body:{key.removeprefix('v')}": value for key, value in values.items()}
    entry = replies.reply(
        ticket,
        by=place.cast.alice,
        outgoing=replace(told, template=template.pk, values=keys),
        seen_head=head_of(ticket.conversation_id),
        client_token=uuid.uuid4(),
    )
    assert isinstance(entry, Entry)
    return entry


def over() -> None:
    Window.objects.update(closes_at=database_now() - timedelta(seconds=1))


def file_of(place: Place, name: str) -> Any:
    upload = SimpleUploadedFile(name, b"%PDF-1.4", "application/pdf")
    return attachments.upload(upload, by=place.cast.alice)
