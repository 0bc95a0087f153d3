"""How phone networks cut a text message: parts are what is paid, and what older phones show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# The alphabet of GSM 03.38, and what of its extension takes two places.
GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED: Final = frozenset("^{}\\[~]|€\f")
ALONE: Final = {True: 160, False: 70}
JOINED: Final = {True: 153, False: 67}


@dataclass(frozen=True)
class Segments:
    """`plain`: every letter is of the short alphabet. `parts` are counted, `left` are the places in
    the last of them."""

    plain: bool
    parts: int
    left: int


def segments(text: str) -> Segments:
    """Of an empty text: no part, and all places of one."""
    plain = all(letter in GSM or letter in EXTENDED for letter in text)
    sizes = [_size(letter, plain=plain) for letter in text]
    total = sum(sizes)
    if total <= ALONE[plain]:
        return Segments(plain, int(bool(text)), ALONE[plain] - total)
    parts, used = 1, 0
    for size in sizes:
        if used + size > JOINED[plain]:  # no letter is cut in two
            parts, used = parts + 1, 0
        used += size
    return Segments(plain, parts, JOINED[plain] - used)


def _size(letter: str, *, plain: bool) -> int:
    if plain:
        return 2 if letter in EXTENDED else 1
    return 2 if ord(letter) > 0xFFFF else 1
