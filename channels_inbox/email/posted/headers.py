"""Headers of mails as providers tell them: as objects, as lines, or taken apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_inbox.payloads import text, texts

if TYPE_CHECKING:
    from collections.abc import Iterable


def completed(headers: list[tuple[str, str]], named: dict[str, str]) -> list[tuple[str, str]]:
    """Headers as they were, and of what was told apart only what they lack."""
    there = {name.lower() for name, _value in headers}
    lacking = ((name, value) for name, value in named.items() if name.lower() not in there)
    return [*headers, *((name, value) for name, value in lacking if value)]


def of_object(told: dict[str, Any]) -> list[tuple[str, str]]:
    """A header that came several times has a list."""
    return [
        (name, value)
        for name in told
        for value in (texts(told, name) if isinstance(told[name], list) else [text(told, name)])
    ]


def of_lines(written: str) -> list[tuple[str, str]]:
    unfolded = written.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ")
    lines = (line.partition(":") for line in unfolded.split("\n"))
    return [(name.strip(), value.strip()) for name, colon, value in lines if colon]


def first(headers: Iterable[tuple[str, str]], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted.lower()), "")


def bare(address: str) -> str:
    return address.strip().removeprefix("<").removesuffix(">")


def mailbox(told: dict[str, Any]) -> str:
    return quoted(text(told, "Name"), text(told, "Address"))


def quoted(name: str, address: str) -> str:
    if not name:
        return address
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def parameter(header: str, name: str) -> str:
    for one in header.split(";")[1:]:
        key, _equals, value = one.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return ""
