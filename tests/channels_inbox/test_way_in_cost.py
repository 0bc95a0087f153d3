"""How often the database is asked for a short message. A busy hour is thousands of them, and each
question is a way there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_inbox import lanes, receive
from channels_inbox.base import Raw
from channels_inbox.models import Account, Item
from conversations.models import Entry, Identity, Ticket
from helpdesk.bench.small import update
from tests.builders import make_inbox
from tests.properties import laws

if TYPE_CHECKING:
    from conversations.models import Inbox
    from tests.builders import Cast

# Nested: with tests' own transaction around, each of our own is a savepoint, which asks twice more.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bot(cast: Cast) -> Inbox:
    inbox = make_inbox(cast.support, "Bot", kind="telegram")
    Account.objects.create(inbox=inbox)
    return inbox


def brought(bot: Inbox, number: int, sender: int = 88) -> list[str]:
    """What is asked to thread one message, once it is claimed and read."""
    body = update(number, sender, f"Message {number}.")
    receive.keep(bot, Raw("hook", f"update:{number}", body))
    [lease] = lanes.claim("fast")
    items = receive._read([lease])
    with CaptureQueriesContext(connection) as asked:
        receive.process(lease, items[lease.item])
    assert Item.objects.get(pk=lease.item).state == "threaded"
    return [one["sql"] for one in asked if one["sql"] not in ("BEGIN", "COMMIT")]


def test_of_somebody_known(bot: Inbox) -> None:
    brought(bot, 1)
    # The conversation, locked; sender, arrival and tickets; the entry; ticket and counters; the item
    asked = brought(bot, 2)
    assert len(asked) == 5, "\n".join(one[:120] for one in asked)
    laws.check()
    newest = Entry.objects.latest("seq")
    ticket = Ticket.objects.get()
    assert (ticket.newest, ticket.rev, newest.rev) == (newest, newest.rev + 1, newest.rev)
    assert newest.conversation.head == ticket.rev


def test_of_somebody_new(bot: Inbox) -> None:
    # Nobody there; customer, conversation and address; the arrival; the ticket and its history; that
    # it was opened; the entry; ticket and counters; the item
    asked = brought(bot, 1)
    assert len(asked) == 8, "\n".join(one[:120] for one in asked)
    laws.check()
    identity, entry = Identity.objects.get(), Entry.objects.get(kind="message")
    assert (identity.proof, identity.rev, identity.label) == ("verified", 1, "Be Nch")
    assert identity.wrote_at is not None
    assert identity.wrote_at <= entry.at
