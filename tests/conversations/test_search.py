from __future__ import annotations

import pytest

from conversations import search
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


def test_older_ones_are_found_beyond_the_first_walk(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WALK", 2)
    entries = [builders.write_in(cast.inbox, text=f"common {n}") for n in range(5)]
    assert search.search(cast.alice, "common").entries == entries[::-1]
