"""Phone numbers as people and providers write them, in the one form they are stored in."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

import phonenumbers

if TYPE_CHECKING:
    from collections.abc import Iterable

# Digits of the shortest numbers that people have.
SHORTEST: Final = 7
# Of numbers in a text, and of what only looks like one.
MOST: Final = 20
NOT_A_NUMBER: Final = re.compile(r"[A-Za-z]")


def e164(written: str, country: str = "") -> str:
    """+84901112223, also out of 0901 112 223 with the country VN. What is no number of a person (a
    short code, a name such as BANK) stays as it is."""
    text = written.strip()
    if not NOT_A_NUMBER.search(text):
        with suppress(phonenumbers.NumberParseException):
            number = phonenumbers.parse(text, country or None)
            if phonenumbers.is_possible_number(number):
                return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return text


def parsed(written: str, country: str = "") -> phonenumbers.PhoneNumber:
    """A number with its country; one that names none has to be a number of this one. Raises
    NumberParseException."""
    number = phonenumbers.parse(written, country or None)
    if not written.lstrip().startswith("+") and not phonenumbers.is_valid_number(number):
        kind = phonenumbers.NumberParseException.NOT_A_NUMBER
        raise phonenumbers.NumberParseException(kind, "no number there")
    return number


def numbers_in(text: str, countries: Iterable[str]) -> list[str]:
    """Numbers somebody wrote in passing, in the one form: those with a country in front, and those
    that are numbers in one of these countries. The first of them: a text of nothing but digits
    holds up nobody."""
    found = []
    for country in (None, *countries):
        matches = phonenumbers.PhoneNumberMatcher(text, country, max_tries=MOST)
        for match in islice(matches, MOST):
            found.append(
                phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
            )
    return list(dict.fromkeys(found))


def is_number(stored: str) -> bool:
    """Whether it is in the one form: a number that can be called from everywhere."""
    return stored.startswith("+") and stored[1:].isdecimal()


def country_of(stored: str) -> str:
    """The country a number belongs to, such as VN; "" where that can't be told."""
    with suppress(phonenumbers.NumberParseException):
        return phonenumbers.region_code_for_number(phonenumbers.parse(stored, None)) or ""
    return ""


def calling_codes(stored: Iterable[str]) -> list[str]:
    """What stands before numbers of the countries of these, such as +84."""
    found = {country_of(one) for one in stored} - {""}
    return sorted({f"+{phonenumbers.country_code_for_region(country)}" for country in found})


def countries() -> list[tuple[str, str]]:
    """All countries that have numbers of their own: VN, and as people choose it, VN (+84)."""
    code = phonenumbers.country_code_for_region
    return [(one, f"{one} (+{code(one)})") for one in sorted(phonenumbers.SUPPORTED_REGIONS)]
