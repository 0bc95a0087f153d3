"""Items of one sender go in order; those that left their lane are marked late."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from channels_inbox import lanes, receive
from channels_inbox.base import Raw
from channels_inbox.models import Item, ItemState
from conversations import merges
from conversations.models import Conversation
from conversations.thread import database_now
from tests.builders import Cast, make_inbox, make_ticket
from tests.channels_inbox.mailing import make_mail
from tests.properties.crew import failures, together

pytestmark = pytest.mark.django_db(transaction=True)


def keep(cast: Cast, text: str, sender: str = "kim@example.org") -> Item:
    body = make_mail(sender, text=text)
    kept = receive.keep(cast.inbox, Raw("hook", receive.digest_key(body), body))
    return Item.objects.get(envelope=kept.envelope)


def test_an_item_whose_workers_died_again_and_again_steps_out_and_is_late(cast: Cast) -> None:
    stuck, behind = keep(cast, "First."), keep(cast, "Second.")
    Item.objects.filter(pk=stuck.pk).update(lease_epoch=lanes.MAX_CLAIMS - 1)
    [lease] = lanes.claim("slow")
    assert lease.item == stuck.pk
    receive.process_waiting("slow")
    receive.process(lease)
    stuck.refresh_from_db()
    behind.refresh_from_db()
    assert behind.entry is not None and not behind.entry.late
    assert stuck.entry is not None and stuck.entry.late


def test_a_database_that_goes_away_is_no_failure_of_the_mail(cast: Cast) -> None:
    item = keep(cast, "First.")
    Item.objects.filter(pk=item.pk).update(next_at=database_now())
    [lease] = lanes.claim("slow")
    receive._failed(lease, OperationalError("the connection is lost"))
    item.refresh_from_db()
    assert (item.state, item.attempts) == (ItemState.WAITING, 0)


def test_an_item_that_meets_with_it_again_and_again_is_counted(cast: Cast) -> None:
    item = keep(cast, "First.")
    Item.objects.filter(pk=item.pk).update(lease_epoch=lanes.MAX_CLAIMS - 1)
    [lease] = lanes.claim("slow")
    receive._failed(lease, OperationalError("the connection is lost"))
    item.refresh_from_db()
    assert item.attempts == 1


def test_what_was_claimed_before_is_one_among_several_and_comes_last(cast: Cast) -> None:
    found = [keep(cast, "Hello.", f"{number}@example.org").pk for number in range(5)]
    Item.objects.filter(pk__in=found[:2]).update(lease_epoch=1)
    assert [lease.item for lease in lanes.claim("slow", 10)] == [*found[2:], found[0]]
    assert [lease.item for lease in lanes.claim("slow", 10)] == [found[1]]


def test_a_join_that_comes_in_between_is_no_failure_of_the_mail(cast: Cast) -> None:
    senders = ("a@example.org", "b@example.org")
    one, two = (make_ticket(cast.inbox, sender).conversation for sender in senders)
    items = [keep(cast, "And another thing.", sender) for sender in senders]
    answers = together(partial(_join_slowly, one, two, cast), _thread_meanwhile, _thread_meanwhile)
    assert failures(answers) == []
    for item in items:
        item.refresh_from_db()
        assert item.entry is not None
        assert (item.state, item.attempts, item.reason) == (ItemState.THREADED, 0, "")
        assert item.entry.conversation_id == Conversation.objects.get(merged_into=None).pk


def _join_slowly(one: Conversation, two: Conversation, cast: Cast) -> None:
    with transaction.atomic():
        merges.merge(one, two, by=cast.alice, reason="one")
        time.sleep(1)


def _thread_meanwhile() -> None:
    time.sleep(0.3)
    receive.process_waiting("slow")


# Many items of as many senders, as one statement can write them.
MANY = """
INSERT INTO channels_inbox_item (envelope_id, position, inbox_id, lane, state, received_at,
  attempts, next_at, lease_epoch, reason, ended_at)
SELECT %(envelope)s, %(first)s + n, %(inbox)s, %(first)s || ':' || n, %(state)s,
  clock_timestamp(), 0, clock_timestamp(), 0, CASE WHEN %(state)s <> 'waiting' THEN 'spam' ELSE '' END,
  CASE WHEN %(state)s <> 'waiting' THEN clock_timestamp() END
FROM generate_series(1, 3000) AS n
"""


def test_a_claim_reads_few_items_however_many_came_since_the_planner_last_looked(
    cast: Cast,
) -> None:
    envelope = keep(cast, "First.").envelope_id
    Item.objects.all().delete()
    make_inbox(cast.support, "Chat", kind="chat")
    told = {"envelope": envelope, "inbox": cast.inbox.pk}
    with connection.cursor() as cursor:
        cursor.execute(MANY, told | {"first": 10_000, "state": "ignored"})
        cursor.execute("ANALYZE channels_inbox_item")
        cursor.execute(MANY, told | {"first": 20_000, "state": "waiting"})
    assert items_read("email") < 20
    assert items_read("chat") == 0


def items_read(kind: str) -> int:
    """Rows of items that one claim looks at."""
    values = {**lanes._limits(), "kinds": [kind], "limit": 1}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {lanes.CLAIM}", values)
        [told] = cursor.fetchone()[0]
    return _read(told["Plan"])


def _read(node: dict[str, Any]) -> int:
    of_items = node.get("Relation Name") == "channels_inbox_item" and "Scan" in node["Node Type"]
    each = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) if of_items else 0
    return round(each * node["Actual Loops"]) + sum(map(_read, node.get("Plans", ())))
