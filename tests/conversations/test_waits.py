"""How long an answer took, said in the reader's language."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import translation

from conversations.views.waits import in_words


@pytest.mark.parametrize(
    ("length", "english", "vietnamese"),
    [
        (timedelta(minutes=53, seconds=59), "53 minutes", "53 phút"),
        (timedelta(hours=1), "1 hour", "1 giờ"),
        (timedelta(hours=3, minutes=58), "3 hours, 58 minutes", "3 giờ, 58 phút"),
        (timedelta(days=1, minutes=5), "1 day", "1 ngày"),
        (timedelta(days=2, hours=1, minutes=5), "2 days, 1 hour", "2 ngày, 1 giờ"),
    ],
)
def test_a_length_is_said_in_two_units_at_most(
    length: timedelta, english: str, vietnamese: str
) -> None:
    with translation.override("en"):
        assert in_words(length) == english
    with translation.override("vi"):
        assert in_words(length) == vietnamese
