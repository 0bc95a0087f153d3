"""How phone networks cut a text, by the tables of GSM 03.38 and what providers count."""

from __future__ import annotations

import pytest

from conversations.segments import Segments, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments(True, 0, 160)),
        ("Hello", Segments(True, 1, 155)),
        ("x" * 160, Segments(True, 1, 0)),
        ("x" * 161, Segments(True, 2, 145)),
        ("x" * 306, Segments(True, 2, 0)),
        ("x" * 307, Segments(True, 3, 152)),
        ("€" * 80, Segments(True, 1, 0)),
        ("x" * 152 + "€" * 5, Segments(True, 2, 143)),
        ("à la carte", Segments(True, 1, 150)),
        ("Chào bạn", Segments(False, 1, 62)),
        ("ạ" * 70, Segments(False, 1, 0)),
        ("ạ" * 71, Segments(False, 2, 63)),
        ("😀" * 35, Segments(False, 1, 0)),
        ("😀" * 36, Segments(False, 2, 61)),
        ("`", Segments(False, 1, 69)),
    ],
)
def test_a_text_makes_as_many_parts_as_phones_get(text: str, expected: Segments) -> None:
    assert segments(text) == expected
