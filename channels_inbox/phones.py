"""Phone numbers as providers write them, in the one form they are stored in."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

import phonenumbers

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


def countries() -> list[str]:
    """Codes of all countries that have numbers of their own, such as VN."""
    return sorted(phonenumbers.SUPPORTED_REGIONS)
