"""Rows that are written by statements put together once are those the ORM would write."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist

from conversations import columns
from conversations.models import Customer, Entry
from conversations.thread import database_now
from tests.builders import Cast, make_ticket

pytestmark = pytest.mark.django_db


def test_a_row_that_is_added_is_the_one_that_is_saved(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    told: dict[str, Any] = {
        "conversation_id": ticket.conversation_id,
        "origin_id": ticket.conversation_id,
        "at": database_now(),
        "rev": 900,
        "ticket": ticket,
        "kind": "note",
        "actor": "system",
        "text": "Words to find",
        "data": {"a": [1, None, "é"]},
    }
    saved, added = Entry.objects.create(**told, seq=900), Entry(**told, seq=901)
    columns.add(added)
    rows = Entry.objects.filter(pk__in=(saved.pk, added.pk)).order_by("pk").values()
    one, other = ({**row, "id": 0, "seq": 0, "client_token": ""} for row in rows)
    assert one == other
    assert added.search == other["search"]


def test_what_is_written_is_those_fields_of_that_row(cast: Cast) -> None:
    kim, lee = (Customer.objects.create(name=name, memo="-") for name in ("Kim", "Lee"))
    kim.name, kim.memo = "Kim Pham", "not this"
    columns.write(kim, "name")
    found = Customer.objects.filter(pk__in=(kim.pk, lee.pk)).order_by("pk")
    assert list(found.values_list("name", "memo")) == [("Kim Pham", "-"), ("Lee", "-")]


def test_writing_a_row_that_has_gone_is_refused(cast: Cast) -> None:
    kim = Customer.objects.create(name="Kim")
    Customer.objects.filter(pk=kim.pk).delete()
    with pytest.raises(ObjectDoesNotExist):
        columns.write(kim, "name")
