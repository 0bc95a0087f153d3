"""What to search for: words drawn by how many entries hold them, none twice."""

from __future__ import annotations

import random
import unicodedata
from typing import Final

from django.db import connection

from helpdesk.seeding.words import VIETNAMESE

SAMPLE: Final = 30_000
COMMON_SHARE: Final = 0.01


def terms(rng: random.Random, count: int) -> dict[str, list[str]]:
    """`count` terms of each sort."""
    frequencies, rows = _frequencies()
    words = list(frequencies)
    common = [word for word in words if frequencies[word] > rows * COMMON_SHARE]
    rare = [word for word in words if frequencies[word] <= rows * COMMON_SHARE]
    marked = rng.sample(VIETNAMESE, min(count, len(VIETNAMESE)))
    return {
        "common": _drawn(rng, common, frequencies, count),
        "rare": rng.sample(rare, min(count, len(rare))),
        "two_words": [
            f"{one} {other}"
            for one, other in zip(
                _drawn(rng, common, frequencies, count), rng.sample(words, count), strict=False
            )
        ],
        "vietnamese": marked,
        "vietnamese_without_marks": [_plain(word) for word in marked],
    }


def _drawn(
    rng: random.Random, words: list[str], frequencies: dict[str, int], count: int
) -> list[str]:
    """Without putting back, more likely the more entries hold it."""
    keyed = sorted(words, key=lambda word: rng.random() ** (1 / frequencies[word]), reverse=True)
    return keyed[:count]


def _frequencies() -> tuple[dict[str, int], int]:
    """In how many entries of a sample each word is, and how many entries that was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT greatest(max(id) / %s, 1) FROM conversations_entry", [SAMPLE])
        every = cursor.fetchone()[0]
        sampled = f"SELECT search FROM conversations_entry WHERE id % {int(every)} = 0"
        cursor.execute(f"SELECT count(*) FROM ({sampled}) sampled")
        rows = cursor.fetchone()[0]
        cursor.execute("SELECT word, ndoc FROM ts_stat(%s) ORDER BY word", [sampled])
        return dict(cursor.fetchall()), rows


def _plain(word: str) -> str:
    split = unicodedata.normalize("NFD", word.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in split if not unicodedata.combining(char))
