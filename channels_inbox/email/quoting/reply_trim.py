"""Takes quoted history and signatures off a mail, and leaves everything its writer typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from channels_inbox.email.quoting.quote_headers import is_rule
from channels_inbox.email.quoting.quotes import attribution_at
from channels_inbox.email.quoting.reply_lines import Line
from channels_inbox.email.quoting.reply_tags import Tag, Tagged, tagged
from channels_inbox.email.quoting.signatures import is_person_on_mobile

SHORT_QUOTE_LINES: Final = 3
OLDER_MAIL: Final = frozenset({Tag.HISTORY, Tag.HEADERS, Tag.FORWARD})
NOT_WRITTEN: Final = frozenset({Tag.BLANK, Tag.QUOTE, Tag.ATTRIBUTION, Tag.SIGNATURE})


@dataclass(frozen=True, slots=True)
class _Quote:
    """Quoted lines from `start` to before `end`; `above` is where their attribution begins."""

    start: int
    end: int
    above: int
    attributed: bool


def written_part(lines: list[Line]) -> str | None:
    """What the writer typed; None if that is nothing."""
    mail = tagged(lines)
    border = _first(mail.tags, OLDER_MAIL)
    if border is None:
        return _without_quotes(mail, len(mail.tags))
    if Tag.TEXT not in mail.tags[:border]:
        return _without_program_lines(mail)
    if mail.tags[border] is Tag.FORWARD:
        return "\n".join(mail.texts)
    return _without_quotes(mail, _before_rules(mail, border))


def _first(tags: list[Tag], wanted: frozenset[Tag]) -> int | None:
    return next((index for index, tag in enumerate(tags) if tag in wanted), None)


def _before_rules(mail: Tagged, end: int) -> int:
    """`end` moved up past blank lines and the line drawn above the history."""
    while end and (mail.tags[end - 1] is Tag.BLANK or is_rule(mail.texts[end - 1])):
        end -= 1
    return end


def _without_program_lines(mail: Tagged) -> str | None:
    """A mail that begins with an older one: all text is kept, the lines around it are not."""
    if Tag.TEXT not in mail.tags:
        return None
    kept: list[str] = []
    below_delimiter = False
    for text, tag in zip(mail.texts, mail.tags, strict=True):
        if tag in (Tag.HISTORY, Tag.FORWARD, Tag.ATTRIBUTION):
            below_delimiter = True
        elif not (below_delimiter and tag is Tag.HEADERS):
            # Headers without a delimiter may as well be a form the writer filled in.
            kept.append(text)
            below_delimiter = below_delimiter and tag is Tag.BLANK
    return "\n".join(kept)


def _without_quotes(mail: Tagged, end: int) -> str | None:
    end = _before_trailing_quotes(mail, end)
    if Tag.TEXT not in mail.tags[:end]:
        return None
    dropped = {
        index
        for index, tag in enumerate(mail.tags[:end])
        if tag in (Tag.ATTRIBUTION, Tag.SIGNATURE)
    }
    dropped |= _quote_to_drop(mail, end)
    return _joined(mail, end, dropped)


def _before_trailing_quotes(mail: Tagged, end: int) -> int:
    while end and (mail.tags[end - 1] in NOT_WRITTEN or _is_last_words_of_program(mail, end)):
        end -= 1
    return end


def _is_last_words_of_program(mail: Tagged, end: int) -> bool:
    text = mail.texts[end - 1]
    return is_person_on_mobile(text) and Tag.TEXT in mail.tags[: end - 1]


def _quote_to_drop(mail: Tagged, end: int) -> set[int]:
    """The lines of a single quote. Several were answered one by one: without them the answers
    make no sense.
    """
    quotes = _quotes(mail, end)
    if len(quotes) != 1:
        return set()
    quote = quotes[0]
    leads = Tag.TEXT not in mail.tags[: quote.start]
    long = quote.end - quote.start >= SHORT_QUOTE_LINES
    if not quote.attributed and not (leads and long):
        return set()
    return set(range(quote.above, _one_gap(mail, quote, end)))


def _one_gap(mail: Tagged, quote: _Quote, end: int) -> int:
    """The end of the quote; past the blank lines there if others stay above it."""
    following = quote.end
    if quote.above and mail.tags[quote.above - 1] is Tag.BLANK:
        while following < end and mail.tags[following] is Tag.BLANK:
            following += 1
    return following


def _quotes(mail: Tagged, end: int) -> list[_Quote]:
    quotes: list[_Quote] = []
    index = 0
    while index < end:
        if mail.tags[index] is Tag.QUOTE:
            quote = _quote_at(mail, index, end)
            quotes.append(quote)
            index = quote.end
        index += 1
    return quotes


def _quote_at(mail: Tagged, start: int, end: int) -> _Quote:
    last = start
    for index in range(start, end):
        if mail.tags[index] is Tag.QUOTE:
            last = index
        elif mail.tags[index] is not Tag.BLANK:
            break
    above = start
    while above and mail.tags[above - 1] in (Tag.BLANK, Tag.ATTRIBUTION):
        above -= 1
    attributed = Tag.ATTRIBUTION in mail.tags[above:start] or _begins_attributed(mail, start, last)
    if above and mail.tags[above] is Tag.BLANK:
        above += 1
    return _Quote(start, last + 1, min(above, start), attributed)


def _begins_attributed(mail: Tagged, start: int, last: int) -> bool:
    top = [text.lstrip("> ") for text in mail.texts[start : min(start + 4, last + 1)]]
    return attribution_at(top, 0, lambda _: True) is not None


def _joined(mail: Tagged, end: int, dropped: set[int]) -> str:
    return "\n".join(text for index, text in enumerate(mail.texts[:end]) if index not in dropped)
