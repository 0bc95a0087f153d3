"""Finds signatures nobody types: what follows a `-- ` line, and `Sent from my iPhone`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from channels_inbox.email.quoting.signature_phrases import (
    APP,
    APP_SYSTEMS,
    DEVICE_WORDS,
    DEVICES,
    GET_AT_THE_END,
    GET_THE_APP,
    SENT_AT_THE_END,
    SENT_FROM,
    SLOGANS,
)

MAX_SIGNATURE_LINES: Final = 20
MAX_DEVICE_LINE_CHARS: Final = 250
MAX_WORDS: Final = 16
MAX_WORDS_BEFORE_DEVICE: Final = 4
MAX_WORDS_AFTER_DEVICE: Final = 4
MAX_WORDS_OF_UNKNOWN_DEVICE: Final = 6

STRICT_DELIMITER: Final = "-- "
LOOSE_DELIMITERS: Final = frozenset({"--", "__"})
LIST_FOOTER_RULE: Final = re.compile(r"_{20,}\s*$")
LIST_FOOTER: Final = re.compile(r"mailing list|unsubscribe|listinfo", re.IGNORECASE)

OPENING: Final = " \t\xa0\u3000*_<([{\"'«“-–—|/~"
CLOSING: Final = " \t\xa0\u3000*_>)]}\"'»”.。!|/~"
LINK: Final = re.compile(r"[<(\[]?\s*https?[:/][^\s<>]*>?\)?")
EXCUSE: Final = re.compile(r"excuse|brevity|typo|entschuldig|pardon|disculp|scus", re.IGNORECASE)
PERSON_ON_MOBILE: Final = re.compile(
    r"[\W_]*(?:[\w.'-]+ ){0,2}(?:from|via|on)(?: (?:my|a|the))? "
    r"(?:mobile|cell|phone|iphone|ipad|android|blackberry|smartphone)"
    r"(?: ?phone)?(?: \w{1,3})?[\W_]*$",
    re.IGNORECASE,
)


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(set(words), key=len, reverse=True))


SENT: Final = re.compile(rf"(?:{_any_of(w for words in SENT_FROM.values() for w in words)})")
DEVICE: Final = re.compile(
    rf"(?<![a-z])(?:(?:{_any_of(DEVICES)})[\w'’]*|(?:{_any_of(DEVICE_WORDS)})(?![\w]))"
)
APP_LINE: Final = re.compile(
    rf"(?:{_any_of(GET_THE_APP)})\W+(?:\w+\W+){{0,2}}?{APP}\W+(?:\w+\W+){{0,2}}?"
    rf"(?:{_any_of(APP_SYSTEMS)})\W*$"
    rf"|{APP} \w+ (?:{_any_of(APP_SYSTEMS)}) ?(?:{_any_of(GET_AT_THE_END)})$"
)
SENT_FROM_MY: Final = re.compile(r"sent (?:from|via) my (?!desk)\S")


def is_device_line(line: str) -> bool:
    """`Sent from my iPhone`, `Von meinem Handy gesendet`, `Get Outlook for iOS`."""
    if not line or len(line) > MAX_DEVICE_LINE_CHARS:
        return False
    bare = LINK.sub(" ", line).lstrip(OPENING).rstrip(CLOSING).lower()
    if not bare or len(bare.split()) > MAX_WORDS:
        return False
    if bare.startswith(SLOGANS) or APP_LINE.match(bare):
        return True
    return _sent_from_device(bare) or _ends_with_sent(bare)


def _sent_from_device(bare: str) -> bool:
    sent = SENT.match(bare)
    if sent is None:
        return False
    devices = list(DEVICE.finditer(bare, sent.end()))
    if not devices:
        words = len(bare.split())
        return bool(SENT_FROM_MY.match(bare)) and words <= MAX_WORDS_OF_UNKNOWN_DEVICE
    between = bare[sent.end() : devices[0].start()]
    after = bare[devices[-1].end() :]
    if len(between.split()) > MAX_WORDS_BEFORE_DEVICE:
        return False
    return len(after.split()) <= MAX_WORDS_AFTER_DEVICE or bool(EXCUSE.search(after))


def _ends_with_sent(bare: str) -> bool:
    return any(
        bare.startswith(beginnings) and bare.endswith(endings) and bool(DEVICE.search(bare))
        for beginnings, endings in SENT_AT_THE_END.values()
    )


def is_person_on_mobile(line: str) -> bool:
    """`Ann via mobile`: too close to prose to be dropped anywhere but at the end."""
    return len(line) <= MAX_DEVICE_LINE_CHARS and PERSON_ON_MOBILE.match(line) is not None


def starts_signature(lines: Sequence[str], index: int) -> bool:
    """Whether line `index` separates a signature. Lines drawn by the writer do not."""
    line = lines[index]
    if line == STRICT_DELIMITER:
        return True
    if line.strip() in LOOSE_DELIMITERS:
        return _is_short(lines[index + 1 :])
    return _starts_list_footer(lines, index)


def _starts_list_footer(lines: Sequence[str], index: int) -> bool:
    if not LIST_FOOTER_RULE.match(lines[index]):
        return False
    return LIST_FOOTER.search(" ".join(lines[index + 1 : index + 4])) is not None


def _is_short(tail: Sequence[str]) -> bool:
    written = 0
    for line in tail:
        written += bool(line.strip()) and not line.startswith(">")
        if written > MAX_SIGNATURE_LINES:
            return False
    return True
