"""How often the database is asked for a short message. A busy hour is thousands of them, and each
question is a way there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_inbox import lanes, receive
from channels_inbox.base import Raw
from channels_inbox.models import Account, Item
from conversations import senders
from conversations.models import Entry, Identity, Ticket
from conversations.thread import LOCK_LIVE
from helpdesk.bench.live import database_url
from helpdesk.bench.small import update
from tests.builders import make_inbox
from tests.properties import laws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from channels_inbox.lanes import Lease
    from conversations.models import Inbox
    from tests.builders import Cast

# The same by values of another size is prepared anew.
PREPARED = """
SELECT statement, sum(generic_plans + custom_plans) FROM pg_prepared_statements GROUP BY statement
"""
TABLES = (
    *("conversations_conversation", "conversations_identity", "conversations_entry"),
    *("conversations_ticket", "conversations_team", "conversations_inbox"),
    *("channels_inbox_item", "channels_inbox_envelope", "channels_inbox_account"),
)
# Nested: with tests' own transaction around, each of our own is a savepoint, which asks twice more.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other() -> Iterator[psycopg.Connection]:
    """A session of somebody else, which takes back what it adds to the tables."""
    with psycopg.connect(database_url(), autocommit=True) as other:
        yield other
        for table in TABLES:
            other.execute(f"ALTER TABLE {table} DROP COLUMN IF EXISTS added_later")


@pytest.fixture
def bot(cast: Cast) -> Inbox:
    inbox = make_inbox(cast.support, "Bot", kind="telegram")
    Account.objects.create(inbox=inbox)
    return inbox


def kept(bot: Inbox, number: int, sender: int = 88) -> tuple[Lease, dict[int, Item]]:
    """A message claimed and read, which is still to be threaded."""
    body = update(number, sender, f"Message {number}.")
    receive.keep(bot, Raw("hook", f"update:{number}", body))
    [lease] = lanes.claim("fast")
    return lease, receive._read([lease])


def brought(bot: Inbox, number: int) -> list[str]:
    """What is asked to thread one message, once it is claimed and read."""
    lease, items = kept(bot, number)
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


def threaded(bot: Inbox, number: int) -> None:
    lease, items = kept(bot, number)
    receive.process(lease, items[lease.item])
    assert Item.objects.get(pk=lease.item).state == "threaded"


def test_it_is_planned_once(bot: Inbox) -> None:
    connection.close()
    for number in range(8):
        threaded(bot, number)
    with connection.cursor() as cursor:
        cursor.execute(PREPARED)
        plans = dict(cursor.fetchall())
    often = [statement for statement, times in plans.items() if times >= 7]
    for of in (lanes.CLAIM, lanes.END, receive.KEEP, LOCK_LIVE, senders.SENDER_AND_TICKETS):
        begins = of.strip()[:40]
        assert [one for one in often if one.strip().startswith(begins)], (begins, plans)
    assert [one for one in often if "INSERT INTO conversations_entry " in one]
    assert [one for one in often if "UPDATE conversations_ticket " in one]


def test_a_column_that_is_added_ends_no_plan(bot: Inbox, other: psycopg.Connection) -> None:
    """A worker of before goes on while the tables are changed for the one that comes."""
    for number in range(8):
        threaded(bot, number)
    for table in TABLES:
        other.execute(f"ALTER TABLE {table} ADD COLUMN added_later integer")
    for number in range(8, 16):
        threaded(bot, number)
    assert not Item.objects.exclude(attempts=0).exists()
