"""What is in the demo: the same every time, whole by the product's own laws, and nothing of it from the future."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone, translation

from channels_inbox import registry
from channels_inbox.chat import accounts, payload
from channels_inbox.email import parse
from conversations.models import (
    Agent,
    Attachment,
    Collected,
    Conversation,
    Customer,
    Delivery,
    Entry,
    Identity,
    Inbox,
    Merge,
    Offer,
    Promise,
    Status,
    Team,
    Ticket,
)
from helpdesk.demo import data
from helpdesk.demo.cast import CAST, TEAMS
from helpdesk.demo.lively import talks
from helpdesk.demo.stories import people, span, stories
from tests.properties.laws import breaches

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings


@pytest.fixture(autouse=True)
def demo(settings: Settings, tmp_path: Path) -> None:
    settings.DEMO = settings.LOCAL = True
    settings.ALLOW_PRIVATE_HOSTS = True
    settings.DATA_DIR = tmp_path
    settings.DEMO_MAIL = {"host": "127.0.0.1", "smtp_port": 2525, "imap_port": 1143}


def told() -> list[tuple[object, ...]]:
    """All that a reader of the desk sees."""
    rows = Entry.objects.order_by("conversation__customer__name", "origin", "seq").select_related(
        "conversation__customer", "ticket__agent", "ticket__team", "agent", "identity"
    )
    return [
        (
            row.conversation.customer.name,
            row.conversation.customer.language,
            (row.kind, row.direction, row.event, row.subject, row.text),
            str(row.agent or ""),
            row.identity and (row.identity.kind, row.identity.label),
            row.ticket and (row.ticket.status, str(row.ticket.agent), row.ticket.team.name),
        )
        for row in rows
    ]


def times() -> list[float]:
    """How long ago everything was when the demo was made, in seconds."""
    made = Agent.objects.earliest("pk").created_at + data.HERE_FOR
    rows = Entry.objects.order_by("conversation__customer__name", "origin", "seq")
    return [(made - at).total_seconds() for at in rows.values_list("at", flat=True)]


@pytest.mark.django_db
def test_it_is_the_same_every_time() -> None:
    with transaction.atomic():
        data.load()
        first, at = told(), times()
        transaction.set_rollback(True)
    data.load()
    assert told() == first
    assert times() == pytest.approx(at, abs=120)


@pytest.fixture
def loaded(db: None) -> None:
    data.load_once()


@pytest.mark.usefixtures("loaded")
def test_it_has_what_a_newcomer_should_find(tmp_path: Path) -> None:
    assert (Agent.objects.count(), Team.objects.count()) == (len(CAST), len(TEAMS)) == (6, 3)
    live = Customer.objects.filter(conversation__merged_into=None)
    assert live.count() == 48
    assert set(live.values_list("language", flat=True)) == {"en", "vi"}
    most = Conversation.objects.annotate(n=Count("entries")).order_by("-n")[0]
    assert most.customer.name == "Margaret Whitfield"
    assert most.n > 5000  # type: ignore[attr-defined]
    assert set(Ticket.objects.values_list("status", flat=True)) == set(Status.values)
    assert Ticket.objects.filter(restriction="legal").count() == 2
    assert Delivery.objects.get(state="failed").entry.text.startswith("Buongiorno Sofia")
    assert Merge.objects.filter(agent__name="Ben Okafor", undone_at=None).count() == 1
    files = Attachment.objects.values_list("filename", "state").order_by("filename")
    assert list(files) == [("cracked-lamp.jpg", "stored"), ("invoice-4471.pdf", "stored")]
    both = Customer.objects.annotate(
        n=Count("conversation__entries__inbox__kind", distinct=True)
    ).filter(n=2)
    assert both.count() >= 3
    assert breaches() == {}
    now = timezone.now()
    assert not Entry.objects.filter(at__gt=now).exists()
    assert not Conversation.objects.filter(last_at__gt=now).exists()
    assert not Ticket.objects.filter(opened_at__gt=F("active_at")).exists()
    begun = Agent.objects.earliest("pk").created_at + data.HERE_FOR
    assert not Entry.objects.filter(at__gt=begun).exists()
    data.load_once()
    assert Agent.objects.count() == 6


@pytest.mark.usefixtures("loaded")
def test_customers_write_on_all_channels_and_one_in_a_day() -> None:
    abena = Identity.objects.get(value="abena@demo.example").conversation
    here = Entry.objects.filter(conversation=abena.pk, direction="in")
    assert set(here.values_list("inbox__kind", flat=True)) >= {
        "email", "chat", "phone", "twilio_sms", "telegram",
    }  # fmt: skip
    kinds = set(Entry.objects.filter(direction="in").values_list("inbox__kind", flat=True))
    assert kinds == set(registry.kinds())
    day = here.latest("at").at - here.earliest("at").at
    assert day < timedelta(days=1)
    begun = Agent.objects.earliest("pk").created_at + data.HERE_FOR
    due = {one.text.split()[0]: one.due_at - begun for one in Promise.objects.open()}
    assert min(due.values()) < timedelta(0) < max(due.values())
    assert timedelta(0) < due["Nhắn"] < timedelta(hours=1)
    assert Promise.objects.filter(state="kept").count() == 1
    said = Entry.objects.filter(event="promised").values_list("data", flat=True)
    told = {one.pk: one.due_at for one in Promise.objects.all()}
    assert {one["promise"]: datetime.fromisoformat(one["due"]) for one in said} == told
    offer = Offer.objects.get(state="offered", to_agent__name="Anh Nguyen")
    assert offer.expires_at > begun + timedelta(hours=6)
    stint = Collected.objects.filter(ticket__conversation__customer__name="Ravi")
    assert dict(stint.values_list("name", "value"))["order_number"] == "11240"
    assert Ticket.objects.get(conversation__customer__name="Ravi").bot is None


@pytest.mark.usefixtures("loaded")
def test_the_chat_asks_in_the_language_of_the_visitor() -> None:
    chat = Inbox.objects.get(kind="chat")
    with translation.override("vi"):
        asked = [payload.question(one) for one in accounts.config_of(chat).prechat]
    assert [one["label"] for one in asked] == ["Tên của bạn"]


@pytest.mark.usefixtures("loaded")
def test_answers_lie_in_the_customers_mailboxes_as_they_were_sent(tmp_path: Path) -> None:
    store = sqlite3.connect(tmp_path / "mail" / "mail.sqlite")
    [(raw,)] = store.execute(
        "SELECT raw FROM message JOIN mailbox ON mailbox.id = mailbox"
        " WHERE owner = 'priya@demo.example' AND name = 'INBOX'"
    ).fetchall()
    mail = parse.parse(raw)
    sent = Delivery.objects.get(identity__value="priya@demo.example")
    assert mail.message_id == sent.provider_id
    assert mail.text.startswith("Hi Priya")
    assert mail.reply_to[0].address.startswith("support+")
    assert abs((mail.date - sent.entry.at).total_seconds()) < 2  # type: ignore[operator]


@pytest.mark.usefixtures("loaded")
def test_what_customers_sent_lies_there_with_its_files(tmp_path: Path) -> None:
    store = sqlite3.connect(tmp_path / "mail" / "mail.sqlite")
    rows = store.execute(
        "SELECT owner, raw FROM message JOIN mailbox ON mailbox.id = mailbox WHERE name = 'Sent'"
    )
    sent = [(owner, parse.parse(raw)) for owner, raw in rows]
    files = [(owner, file.filename) for owner, mail in sent for file in mail.attachments]
    kept = Attachment.objects.filter(entry__direction="in", entry__inbox__kind="email")
    assert sorted(files) == sorted(kept.values_list("entry__identity__value", "filename"))
    assert files
    for owner, mail in sent:
        assert mail.from_ is not None and mail.from_.address == owner


def test_the_tables_fit_together() -> None:
    known = {part.slug for part in CAST}
    for customer in stories().customers:
        for matter in customer.matters:
            assert matter.steps[0].who == "", customer.name
            assert {step.who for step in matter.steps} <= known | {""}
    assert {talk.who for talk in talks()} <= set(people())
    assert {talk.by for talk in talks()} <= known
    assert span("2d4h30m").total_seconds() == 189_000
    with pytest.raises(ValueError, match="soon"):
        span("soon")
