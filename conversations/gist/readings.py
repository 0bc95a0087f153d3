"""The sentences of a thread, each with what kinds of words it has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from conversations.gist import packet_words
from conversations.gist.lexicon import Lexicon, Mark, folded, lacks_signs, tokens
from conversations.gist.texts import asks, asks_unsigned, own_text, sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.gist.lexicon import Token

# So much of one message is looked at for a card of a few words.
SENTENCES: Final = 40
TOKENS: Final = 250
POLITE: Final = frozenset({"greeting", "thanks", "sorry"})
PLAIN_COMMON: Final = frozenset(folded(word) for word in packet_words.COMMON)


@dataclass(frozen=True, slots=True)
class Reading:
    text: str
    some: Sequence[Token]
    marks: Sequence[Mark]
    asks: bool

    def has(self, *kinds: str) -> bool:
        return any(mark.kind in kinds for mark in self.marks)

    def place(self, *kinds: str) -> int:
        """The sign at which the first such word stands; 0 where there is none."""
        found = (self.some[mark.first].start for mark in self.marks if mark.kind in kinds)
        return next(found, 0)

    @property
    def subject(self) -> frozenset[str]:
        """The words that say what it is about."""
        known = (folded(token.word) for token in self.some if token.word[0].isalnum())
        return frozenset(known) - PLAIN_COMMON

    @property
    def is_order(self) -> bool:
        """ "Cancel my account." """
        words = [token.word for token in self.some if token.word[0].isalpha()][:3]
        while words and words[0] in packet_words.LEADS:
            words.pop(0)
        return bool(words) and words[0] in packet_words.ORDERS

    @property
    def is_small_talk(self) -> bool:
        """Nothing but a greeting, thanks, or a word or two."""
        if not self.has("greeting", "thanks", "sorry"):
            return not self.asks and not self.has("ask") and len(self.subject) < 2
        polite = sum(m.after - m.first for m in self.marks if m.kind in POLITE)
        words = sum(token.word[0].isalnum() for token in self.some)
        return words - polite <= 2 or (self.has("thanks") and not self.asks and words <= 8)


@cache
def _lexicon(*, signs: bool) -> Lexicon:
    tables = packet_words.VIETNAMESE, packet_words.ENGLISH
    return Lexicon(*tables) if signs else Lexicon(packet_words.UNSIGNED, *tables, fold=True)


def _asks(sentence: str, some: Sequence[Token]) -> bool:
    return asks(sentence) or asks_unsigned(some)


def readings(text: str) -> list[Reading]:
    own = own_text(text)
    lexicon = _lexicon(signs=not lacks_signs(own))
    found: list[Reading] = []
    for sentence in sentences(own):
        some = tokens(sentence)[:TOKENS]
        found.append(Reading(sentence, some, lexicon.marks(some), _asks(sentence, some)))
        if len(found) == SENTENCES:
            break
    return found
