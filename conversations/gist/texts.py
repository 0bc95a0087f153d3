"""A message's own sentences: without what it quotes, and cut only where a sentence ends."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from conversations.gist.lexicon import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conversations.gist.lexicon import Token

READ_AT_MOST: Final = 40_000
# One sign each: a run of them must not be gone through again from every place in it.
BREAK: Final = re.compile(r"[.!?…。](?=[\s\"”')]|$)|\n")
WORD: Final = re.compile(r"\w")
LAST_WORD: Final = re.compile(r"\w+$")
CLOSING: Final = "\"”')"
ABBREVIATED: Final = frozenset({"mr", "mrs", "ms", "dr", "no", "st", "approx", "tp", "ths", "vs"})
QUOTE_HEADS: Final = (" wrote:", " viết:", " viet:")
QUOTE_LINES: Final = ("-----", "_____", "from: ", "từ: ")
LONG_LINE: Final = 50
# What Vietnamese puts behind a sentence, and what before it makes the sentence a question.
POLITE: Final = words("""
    ạ a nhỉ vậy anh chị bạn em ơi shop thế mình ad nha nhé chi ban vay the nhi luôn zậy z đó á
    nè nghen nhen hen ha
""")
ASKING: Final = words("không ko chưa hả à hông hong khong chua ha hok hk hem đâu dau")


def own_text(text: str) -> str:
    """What the author wrote themselves, in one spelling of each letter, as far as it is read."""
    kept: list[str] = []
    for line in unicodedata.normalize("NFC", text[:READ_AT_MOST]).splitlines():
        bare = line.strip().lower()
        if bare.endswith(QUOTE_HEADS) or (bare.startswith(QUOTE_LINES) and kept):
            break
        if not bare.startswith((">", "|")):
            kept.append(line.rstrip())
    return "\n".join(kept).strip()


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text that `own_text` gave, in order, each on one line."""
    begin = 0
    for found in BREAK.finditer(text):
        if _ends(text, found.start()):
            end = found.end()
            end += text[end : end + 1] in CLOSING and end < len(text)
            yield from _sentence(text[begin:end])
            begin = end
    yield from _sentence(text[begin:])


def _sentence(text: str) -> Iterator[str]:
    if WORD.search(text):
        yield text.strip().replace("\n", " ")


def asks(sentence: str) -> bool:
    return "?" in sentence[-3:]


def asks_unsigned(some: Sequence[Token]) -> bool:
    """A Vietnamese question without its sign: "… được không ạ"."""
    return last_word(some) in ASKING


def last_word(some: Sequence[Token]) -> str:
    """The last word but for those that are only polite."""
    for token in reversed(some[-8:]):
        if token.word[0].isalpha() and token.word not in POLITE:
            return token.word
    return ""


def _ends(text: str, at: int) -> bool:
    if text[at] == "\n":
        return _line_ends(text, at)
    if text[at] != ".":
        return True
    before = LAST_WORD.search(text[max(at - 12, 0) : at])
    return before is None or not _is_short(before.group(), text[at - 2 : at - 1])


def _is_short(word: str, sign_before: str) -> bool:
    """An abbreviation: "Mr", "J. Smith", "p.m."; "ạ" and "a" are words of their own."""
    return word.lower() in ABBREVIATED or (
        len(word) == 1 and word.isalpha() and (word.isupper() or sign_before == ".")
    )


def _line_ends(text: str, at: int) -> bool:
    """A line's end ends a sentence, except where a long line was broken by the mail program."""
    begins = text.rfind("\n", 0, at) + 1
    return at - begins < LONG_LINE or not text[at + 1 : at + 2].islower()


def outside_quotes(some: list[Token]) -> list[Token]:
    """A sentence's tokens without the words it repeats between double quotes."""
    kept: list[Token] = []
    inside = False
    for token in some:
        if token.word in '"“”«»':
            inside = token.word in "“«" or (token.word == '"' and not inside)
        elif not inside:
            kept.append(token)
    return kept
