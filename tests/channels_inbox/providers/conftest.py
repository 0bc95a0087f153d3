"""A desk with an inbox of each provider, connected by its settings page to the provider's
stand-in."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from channels_inbox import deliver, pulling, receive
from channels_inbox.models import Account, Item
from conversations import attachments, deliveries, replies
from conversations.models import Agent, Delivery, Entry, Identity, Inbox, Kind, Role
from conversations.thread import database_now
from helpdesk.sandbox.dialler import DiallerSandbox
from helpdesk.sandbox.generic import GenericSandbox
from helpdesk.sandbox.telegram import TelegramSandbox
from helpdesk.sandbox.twilio import TwilioSandbox
from helpdesk.sandbox.whatsapp import WhatsAppSandbox
from tests.builders import Cast, head_of, make_agent, make_cast, outgoing, ticket_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conversations.models import Attachment
    from helpdesk.sandbox.provider import Sandbox

# One line for each provider: what covers all of them covers a new one by it.
SANDBOXES: list[type[Sandbox]] = [
    TwilioSandbox,
    TelegramSandbox,
    WhatsAppSandbox,
    DiallerSandbox,
    GenericSandbox,
]
# Customers write by these, and are written to.
WRITTEN = [one for one in SANDBOXES if one.written]


def knock(url: str, headers: dict[str, str], body: bytes) -> int:
    """Call the hook as a provider does."""
    parts = urlsplit(url)
    told = dict(headers)
    content_type = told.pop("Content-Type", "")
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    answer = Client().post(path, body, content_type=content_type, headers=told)
    return answer.status_code


@dataclass
class Place:
    """A provider's stand-in, the inbox connected to it, and who works there."""

    sandbox: Sandbox
    inbox: Inbox
    cast: Cast
    admin: Agent

    @property
    def account(self) -> Account:
        return Account.objects.get(inbox=self.inbox)

    def work(self) -> None:
        """What the workers do: thread what came in, and fetch files."""
        while receive.process_waiting("fast"):
            pass
        attachments.store_waiting(receive.read_file)

    def pull(self) -> None:
        Account.objects.update(lease_until=None)
        pulling.pull(self.inbox.pk)
        self.work()

    def messages(self) -> list[Entry]:
        """What came of what was told: messages, of a telephone system calls."""
        return list(Entry.objects.filter(kind=self.sandbox.makes).order_by("at"))

    def items(self) -> list[tuple[str, str]]:
        return list(Item.objects.order_by("pk").values_list("state", "reason"))

    def answer(
        self, text: str, files: Sequence[Attachment] = (), *, cites: int | None = None
    ) -> Entry:
        """Alice answers the customer, and nothing is sent yet."""
        identity = Identity.objects.get(value=self.sandbox.customer)
        newest = Entry.objects.filter(kind=Kind.MESSAGE).latest("at")
        ticket = ticket_of(newest)
        entry = replies.reply(
            ticket,
            by=self.cast.alice,
            outgoing=replace(outgoing(identity, self.inbox, text), cites=cites),
            seen_head=head_of(ticket.conversation_id),
            client_token=uuid.uuid4(),
            attachments=files,
        )
        assert isinstance(entry, Entry)
        return entry

    def send(self, entry: Entry) -> Delivery:
        """One round of sending."""
        Delivery.objects.filter(entry=entry).update(next_at=database_now())
        Account.objects.update(rests_until=None)
        deliver.deliver_due("slow")
        entry.delivery.refresh_from_db()
        return entry.delivery


def settings_page(admin: Agent, sandbox: Sandbox, cast: Cast, **changes: Any) -> Any:
    """Connect an inbox by the page an admin has."""
    client = Client()
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    told = {
        **sandbox.answers(),
        "name": f"{sandbox.kind} {sandbox.url[-5:]}",
        "team": cast.support.pk,
        "restriction": "",
        "undo_seconds": 0,
        "reopen_hours": 72,
        **changes,
    }
    return client.post(reverse("inboxes:new-provider", args=[sandbox.kind]), told)


def connected(sandbox: Sandbox, cast: Cast, admin: Agent, **changes: Any) -> Place:
    answer = settings_page(admin, sandbox, cast, **changes)
    assert answer.status_code == 302, answer.content.decode()
    inbox = Inbox.objects.filter(kind=sandbox.kind).latest("pk")
    assert inbox.undo_window == timedelta(0)
    if sandbox.handed:
        hand_over(sandbox, inbox, admin)
    return Place(sandbox, inbox, cast, admin)


def hand_over(sandbox: Any, inbox: Inbox, admin: Agent) -> None:
    """An admin has a secret made, and writes it and the address to call into the other system."""
    client = Client()
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    page = client.post(reverse("inboxes:new-hook-secret", args=[inbox.pk])).content.decode()
    found = dict(re.findall(r'<output id="([^"]+)"[^>]*>([^<]+)<', page))
    sandbox.hook, sandbox.secret = found["hook-url"], found["hook-secret"]


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again when a test says so. After its own few seconds a busy machine would
    still be in the same round of sending."""
    monkeypatch.setattr(deliveries, "FIRST_DELAY", timedelta(minutes=1))


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def admin(cast: Cast) -> Agent:
    return make_agent("Ada", role=Role.ADMIN)


@pytest.fixture(params=SANDBOXES, ids=lambda one: one.kind)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with request.param(knock=knock) as server:
        yield server


@pytest.fixture
def place(sandbox: Sandbox, cast: Cast, admin: Agent) -> Place:
    return connected(sandbox, cast, admin)
