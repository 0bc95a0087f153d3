"""Items of one sender go in order; those that left their lane are marked late."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from channels_inbox import receive
from channels_inbox.base import Raw
from channels_inbox.models import Item, ItemState
from conversations.thread import database_now
from tests.builders import Cast
from tests.channels_inbox.mailing import make_mail

pytestmark = pytest.mark.django_db(transaction=True)


def keep(cast: Cast, text: str) -> Item:
    body = make_mail(text=text)
    kept = receive.keep(cast.inbox, Raw("hook", receive.digest_key(body), body))
    return Item.objects.get(envelope=kept.envelope)


def test_an_item_whose_workers_died_again_and_again_steps_out_and_is_late(cast: Cast) -> None:
    stuck, behind = keep(cast, "First."), keep(cast, "Second.")
    Item.objects.filter(pk=stuck.pk).update(lease_epoch=receive.MAX_CLAIMS - 1)
    [lease] = receive.claim("slow")
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
    [lease] = receive.claim("slow")
    receive._failed(lease, OperationalError("the connection is lost"))
    item.refresh_from_db()
    assert (item.state, item.attempts) == (ItemState.WAITING, 0)


def test_an_item_that_meets_with_it_again_and_again_is_counted(cast: Cast) -> None:
    item = keep(cast, "First.")
    Item.objects.filter(pk=item.pk).update(lease_epoch=receive.MAX_CLAIMS - 1)
    [lease] = receive.claim("slow")
    receive._failed(lease, OperationalError("the connection is lost"))
    item.refresh_from_db()
    assert item.attempts == 1
