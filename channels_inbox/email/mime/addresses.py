"""Address headers: strict about what an address is, and never losing the good ones of a list.

Comments, quotes, groups, routes, missing commas and encoded words holding commas are read. What
can be read in two ways is no address at all: mail filters might have read it the other way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from channels_inbox.email.mail import Address
from channels_inbox.email.mime.headers import ENCODED_WORD, clean_line, decode_words, unfold
from channels_inbox.email.mime.limits import MAX_ADDRESSES

_ATOM: Final = r"""[^\s()<>\[\]:;@\\,"\x00-\x20\x7f]{1,128}"""
_LOCAL: Final = rf"""(?:{_ATOM}|"(?:[^"\\\r\n]|\\[^\r\n]){{1,128}}")"""
_DOMAIN: Final = r"(?:[\w\u00b7-]+(?:\.[\w\u00b7-]+)*\.?|\[[\w.:]{2,50}\])"
_ADDRESS: Final = re.compile(rf"{_LOCAL}@{_DOMAIN}")
_BARE_LOCAL: Final = re.compile(_LOCAL)
_MAX_ADDRESS_CHARS: Final = 320
_SPACE_AROUND_DOTS: Final = re.compile(r" ?([.@]) ?")
_ROUTE: Final = re.compile(r"\s*@[^:<>]{1,500}:")
_SEPARATOR: Final = re.compile(r"[,;]")
_AMBIGUOUS_IN_NAME: Final = frozenset("[]\\")


@dataclass(frozen=True, slots=True)
class AddressList:
    """The readable addresses of a header, and how many of its elements held none."""

    addresses: tuple[Address, ...]
    unreadable: int


@dataclass(slots=True)
class _Element:
    """One element between commas, its syntax already taken apart."""

    phrase: list[str] = field(default_factory=list)
    unquoted: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    angles: list[str] = field(default_factory=list)
    quoted_local: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.angles or "".join(self.phrase).strip())


def read_addresses(raw: bytes) -> AddressList:
    """Read one address header's raw value. Never raises."""
    text = unfold(raw)
    found = _read(text)
    if not found.addresses and "=?" in text:
        # Some mailers encode the address together with the name.
        found = _read(decode_words(text))
    return found


def valid_address(text: str) -> str:
    """`text` as a bare `local@domain` (domain in lower case), or '' if it is none."""
    address = _SPACE_AROUND_DOTS.sub(r"\1", clean_line(text)).removesuffix(".")
    if len(address) > _MAX_ADDRESS_CHARS or not _ADDRESS.fullmatch(address):
        return ""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def _read(text: str) -> AddressList:
    addresses: list[Address] = []
    unreadable = 0
    for element in _elements(clean_line(text)):
        if len(addresses) >= MAX_ADDRESSES:
            break
        found = list(_mailboxes(element))
        addresses += found
        unreadable += not found
    return AddressList(tuple(addresses), unreadable)


def _elements(text: str) -> Iterator[_Element]:
    for element in _Scanner(text).elements():
        if not element.is_empty:
            yield element


class _Scanner:
    """Splits a header at its commas in one pass from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.element = _Element()
        self.angles_close = True

    def elements(self) -> Iterator[_Element]:
        while self.position < len(self.text):
            char = self.text[self.position]
            if char in ",;" or (char == ":" and self._ends_group_name()):
                if char != ":":
                    yield self.element
                self.element = _Element()
                self.position += 1
            else:
                self._take(char)
        yield self.element

    def _ends_group_name(self) -> bool:
        written = "".join(self.element.unquoted)
        return not self.element.angles and "@" not in written and written.lower() != "mailto"

    def _take(self, char: str) -> None:
        if char == '"':
            self._quoted()
        elif char == "(":
            self._comment()
        elif char == "<":
            self._angle()
        elif char == "=" and (word := ENCODED_WORD.match(self.text, self.position)):
            self.element.phrase.append(word[0])
            self.position = word.end()
        else:
            self.element.phrase.append(char)
            self.element.unquoted.append(char)
            self.position += 1

    def _quoted(self) -> None:
        end = self._closing_quote()
        if end < 0:
            self.position += 1
            return
        inside = self.text[self.position + 1 : end]
        self.position = end + 1
        if self.text.startswith("@", self.position):
            self.element.phrase.append(f'"{inside}"')
            self.element.quoted_local = True
        else:
            self.element.phrase.append(re.sub(r"\\(.)", r"\1", inside))

    def _closing_quote(self) -> int:
        position = self.position + 1
        while position < len(self.text):
            if self.text[position] == '"':
                return position
            position += 2 if self.text[position] == "\\" else 1
        # No quote closes any more, so none that follows opens either.
        self.text = self.text[: self.position] + self.text[self.position :].replace('"', " ")
        return -1

    def _comment(self) -> None:
        start, depth = self.position + 1, 0
        while self.position < len(self.text):
            char = self.text[self.position]
            depth += (char == "(") - (char == ")")
            self.position += 2 if char == "\\" else 1
            if depth == 0:
                break
        inside = self.text[start : self.position].removesuffix(")")
        self.element.comments.append(re.sub(r"\\(.)", r"\1", inside))

    def _angle(self) -> None:
        end = self.text.find(">", self.position) if self.angles_close else -1
        if end < 0:
            self.angles_close = False
            separator = _SEPARATOR.search(self.text, self.position)
            end = separator.start() if separator else len(self.text)
        inside = self.text[self.position + 1 : end]
        self.element.angles.append(inside.rpartition("<")[2])
        self.position = end + 1 if self.text.startswith(">", end) else end


def _mailboxes(element: _Element) -> Iterator[Address]:
    """The mailboxes of one element: mostly one, several where a comma is missing."""
    if not element.angles:
        yield from _without_angles(element)
        return
    written = "".join(element.unquoted)
    if "@" in written and not _AMBIGUOUS_IN_NAME.isdisjoint(written):
        return
    name = _name(element)
    for inside in dict.fromkeys(element.angles):
        if address := _angle_address(inside):
            yield Address("" if name == address else name, address)


def _angle_address(inside: str) -> str:
    """The address between angle brackets; a local part alone is kept, as old systems send it."""
    text = _without_comments(inside).strip().strip("'")
    if route := _ROUTE.match(text):
        text = text[route.end() :]
    text = re.sub(r"^mailto:", "", text, flags=re.IGNORECASE)
    return valid_address(text) or (text if _BARE_LOCAL.fullmatch(text) else "")


def _without_comments(text: str) -> str:
    return re.sub(r"\([^()]*\)", "", text) if "(" in text else text


def _name(element: _Element) -> str:
    phrase = clean_line(decode_words("".join(element.phrase))).strip("\"' ")
    if phrase:
        return phrase
    return clean_line(decode_words(" ".join(element.comments)))


def _without_angles(element: _Element) -> Iterator[Address]:
    phrase = "".join(element.phrase).strip()
    name = clean_line(decode_words(" ".join(element.comments)))
    whole = re.sub(r"^mailto:", "", phrase, flags=re.IGNORECASE).strip("':")
    if address := valid_address(whole):
        yield Address(name, address)
        return
    if element.quoted_local or not _AMBIGUOUS_IN_NAME.isdisjoint(phrase):
        return
    words = phrase.split()
    for word in words:
        if address := valid_address(word.strip("':")):
            yield Address(name, address)
