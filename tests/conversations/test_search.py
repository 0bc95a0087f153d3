from __future__ import annotations

import pytest
from django.db import connection

from conversations import merges, search
from conversations.models import Conversation, Entry
from tests import builders
from tests.builders import Cast


@pytest.mark.parametrize("asked", ["đơn hàng", "don hang", "ĐƠN", '"don hang"', "hang -refund"])
def test_words_are_found_with_and_without_marks(cast: Cast, asked: str) -> None:
    entry = builders.write_in(cast.inbox, text="Đơn hàng của tôi chưa đến")
    builders.write_in(cast.inbox, "other@example.org", text="Something else")
    assert search.search(cast.charlie, asked).entries == [entry]


def test_newest_first_and_every_word(cast: Cast) -> None:
    first = builders.write_in(cast.inbox, text="red shoes")
    second = builders.write_in(cast.inbox, text="red and blue shoes")
    assert search.search(cast.alice, "shoes red").entries == [second, first]
    assert search.search(cast.alice, "shoes green").entries == []


@pytest.mark.parametrize("text", ["", "  ", "%", "_", "'; --", "\\", "a" * 500, "-"])
def test_odd_questions_find_nothing_and_break_nothing(cast: Cast, text: str) -> None:
    builders.write_in(cast.inbox)
    assert search.search(cast.alice, text).entries == []


def test_customers_by_name_and_address(cast: Cast) -> None:
    customer = builders.write_in(cast.inbox, label="Trần Đức").conversation.customer
    for text in ("tran d", "Trần", "kim@exam", "KIM@"):
        assert search.search(cast.alice, text).customers == [customer]
    assert search.search(cast.alice, "duc").customers == []


@pytest.mark.parametrize(
    ("name", "asked"),
    [("100% Wool", "100% w"), ("a_b", "A_"), ("back\\slash", "back\\s"), ("50％", "50%")],
)
def test_signs_in_a_name_are_letters(cast: Cast, name: str, asked: str) -> None:
    customer = builders.write_in(cast.inbox, label=name).conversation.customer
    for n, other in enumerate(("100 Wool", "axb", "backslash", "500")):
        builders.write_in(cast.inbox, f"o{n}@example.org", label=other)
    assert search.search(cast.alice, asked).customers == [customer]


def test_those_called_that_way_come_in_an_order_and_no_more_than_asked_for(cast: Cast) -> None:
    made = [
        builders.write_in(cast.inbox, f"{n}@example.org", label=f"Kim {n}").conversation_id
        for n in range(5)
    ]
    assert search.customers_called("kim", 3) == made[:3]
    # By name and by address at once.
    both = builders.write_in(cast.inbox, "kim@example.org", label="Kim").conversation_id
    assert search.customers_called("kim", 9) == [*made, both]


def test_many_addresses_of_one_leave_nobody_out(cast: Cast) -> None:
    first = builders.make_ticket(cast.inbox, "sue0@example.org").conversation
    for n in range(1, 6):
        other = builders.make_ticket(cast.inbox, f"sue{n}@example.org").conversation
        merges.merge(other, first, by=cast.alice, reason="One.")
    last = builders.write_in(cast.inbox, "sue9@example.org").conversation
    live = Conversation.objects.live().filter(identities__value="sue0@example.org").get()
    assert search.customers_called("sue", 2) == sorted([live.pk, last.pk])


def test_older_ones_are_found_beyond_the_first_walk(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WALK", 2)
    entries = [builders.write_in(cast.inbox, text=f"common {n}") for n in range(5)]
    assert search.search(cast.alice, "common").entries == entries[::-1]


def test_the_window_is_counted_in_entries_not_in_hours(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many that came in at once must not hide what was said before them from the second look."""
    monkeypatch.setattr(search, "WALK", 2)
    monkeypatch.setattr(search, "WINDOW", 5)
    search._since.cache_clear()
    old = [builders.write_in(cast.inbox, text=f"common {n}") for n in range(3)]
    Entry.objects.filter(pk=old[0].pk).update(text="", search=None)
    for n in range(4):
        builders.write_in(cast.inbox, text=f"something else {n}")
    assert search._among_newest("common") == []
    assert search._in_window("common") == [old[2].pk, old[1].pk]
    assert search.search(cast.alice, "common").entries == old[:0:-1]
    search._since.cache_clear()


def test_a_result_says_whose_it_is_and_who_wrote_it_without_asking_again(
    cast: Cast, django_assert_num_queries: object
) -> None:
    entry = builders.write_in(cast.inbox, "kim@example.org", label="Kim", text="where is it")
    search._since.cache_clear()
    with django_assert_num_queries(7):  # type: ignore[operator]
        [found] = search.search(cast.alice, "where").entries
        told = (found.conversation.customer.name, found.ticket.subject, found.identity.value)
        sender = (found.inbox.kind, found.agent, found.bot, found.text, found.at)
    assert told == ("Kim", entry.ticket.subject, "kim@example.org")
    assert sender == ("email", None, None, "where is it", entry.at)


@pytest.mark.django_db
def test_words_that_came_in_last_wait_in_a_short_list() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = 'entry_search'")
        assert cursor.fetchone() == (["gin_pending_list_limit=256"],)
