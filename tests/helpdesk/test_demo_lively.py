"""Those who act by script: step by step through the real verbs, and never in what is somebody else's."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from channels_inbox import deliver, pulling, receive
from channels_inbox.models import Account
from conversations import intake, ownership, replies
from conversations.customers import Address
from conversations.models import Agent, Delivery, Entry, Inbox, Presence, Proof, Team, Ticket
from conversations.thread import MICROSECOND, database_now
from helpdesk.demo import data, lively
from tests.helpdesk.mail_pairs import Pair, raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

LATER = timedelta(minutes=2)


@pytest.fixture
def chat(db: None, settings: Settings, tmp_path: Path) -> Inbox:
    settings.DEMO = settings.LOCAL = True
    settings.ALLOW_PRIVATE_HOSTS = True
    settings.DATA_DIR = tmp_path
    settings.DEMO_MAIL = {"host": "127.0.0.1", "smtp_port": 1, "imap_port": 1}
    data.hire()
    mail = data.inbox_of(Team.objects.get(name="Support"))
    lively.switch(on=True)
    return data.chat_beside(mail)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    running = Pair(tmp_path / "mail")
    yield running
    running.child.stop()


def talk(who: str) -> lively.Talk:
    return next(one for one in lively.talks() if one.who == who)


def says(inbox: Inbox, who: str, text: str) -> Ticket:
    """A customer of the script wrote, and their message is threaded."""
    entry = intake.receive(
        intake.Inbound(
            inbox=inbox,
            external_id=str(uuid.uuid4()),
            sender=Address("chat", f"user:{who}", inbox.public_id, who),
            proof=Proof.SIGNED,
            text=text,
            follows_on=True,
        )
    ).entry
    assert entry is not None and entry.ticket_id
    return Ticket.objects.get(pk=entry.ticket_id)


def act() -> str:
    return lively.act(database_now() + LATER)


def test_a_matter_goes_its_way_to_the_end(chat: Inbox) -> None:
    duc = talk("duc")
    ticket = says(chat, "duc", duc.ask)
    assert act() == "takes"
    ticket.refresh_from_db()
    assert str(ticket.agent) == "Linh Pham"
    assert act() == "answers"
    ticket.refresh_from_db()
    assert ticket.newest and ticket.newest.text == duc.answer
    assert ticket.status == "pending"
    assert act() == "chats"
    says(chat, "duc", duc.thanks)
    assert act() == "resolves"
    ticket.refresh_from_db()
    assert ticket.status == "resolved"
    assert Presence.objects.filter(online_until__gt=database_now()).count() == 3


def test_it_notes_before_it_answers_where_there_is_a_note(chat: Inbox) -> None:
    isabel = talk("isabel")
    ticket = says(chat, "isabel", isabel.ask)
    assert [act(), act(), act()] == ["takes", "notes", "answers"]
    kinds = Entry.objects.filter(ticket=ticket).exclude(kind="event").order_by("seq")
    assert [row.text for row in kinds] == [isabel.ask, isabel.note, isabel.answer]
    assert Delivery.objects.filter(entry__ticket=ticket).count() == 1


def test_by_real_mail_a_matter_goes_there_and_back(
    chat: Inbox, pair: Pair, settings: Settings
) -> None:
    settings.DEMO_MAIL = {"host": "127.0.0.1", "smtp_port": pair.smtp, "imap_port": pair.imap}
    settings.ALLOW_PRIVATE_HOSTS = True
    data.load_once()
    mailbox = Account.objects.get(inbox__address="support@demo.example")
    pulling.pull(mailbox.pk)  # From now on; what comes after it is taken in.
    assert act() == "asks"
    ticket = came(mailbox)
    isabel = talk("isabel")
    assert [act(), act(), act()] == ["takes", "notes", "answers"]
    # She can't thank for what has not reached her: somebody else asks.
    assert act() == "chats"
    deliver.deliver_due("slow")
    assert act() == "thanks"
    assert came(mailbox) == ticket
    assert act() == "resolves"
    told = ticket.entries.exclude(kind="event").order_by("seq").values_list("text", flat=True)
    assert list(told) == [isabel.ask, isabel.note, isabel.answer, isabel.thanks]
    assert len(raw(pair, isabel.email)) == 1


def came(mailbox: Account) -> Ticket:
    """Mail is pulled and threaded; the matter that is newest by it."""
    assert (pulled := pulling.pull(mailbox.pk)) and pulled.new == 1
    receive.process_waiting("slow")
    return Ticket.objects.latest("newest__at")


def test_nothing_happens_while_it_is_off_or_too_soon(chat: Inbox) -> None:
    asked = says(chat, "duc", talk("duc").ask).newest
    assert asked is not None
    assert lively.act(asked.at + lively.STEP - MICROSECOND) == ""
    lively.switch(on=False)
    assert act() == ""


def test_what_a_person_owns_or_wrote_in_is_left_alone(chat: Inbox) -> None:
    anh = Agent.objects.get(name="Anh Nguyen")
    owned = says(chat, "duc", talk("duc").ask)
    ownership.take(owned, by=anh, epoch=owned.owner_epoch)
    noted = says(chat, "isabel", talk("isabel").ask)
    replies.note(noted, by=anh, text="Mine", client_token=uuid.uuid4())
    other = says(chat, "maya", "Where is my lamp?")
    before = Entry.objects.filter(ticket__in=[owned, noted, other]).count()
    for _ in range(4):
        act()
    assert Entry.objects.filter(ticket__in=[owned, noted, other]).count() == before


def test_no_more_than_a_few_are_open_at_once(chat: Inbox) -> None:
    """What a person took and left doesn't count: the floor lives on."""
    by_mail = [one for one in lively.talks() if one.does == "mail"]
    asked = [says(chat, one.who, one.ask) for one in by_mail]
    # When none of them has its next step yet, however long all this takes.
    soon = Entry.objects.earliest("at").at
    Ticket.objects.update(opened_at=soon - LATER)
    for ticket in asked[lively.MOST_OPEN :]:
        ownership.take(ticket, by=anh(), epoch=ticket.owner_epoch)
    assert lively.act(soon) == ""
    ownership.take(asked[0], by=anh(), epoch=asked[0].owner_epoch)
    assert lively.act(soon) == "chats"


def anh() -> Agent:
    return Agent.objects.get(name="Anh Nguyen")
