"""Calls out of files, for the commands that read and check them as the hooks do."""

from __future__ import annotations

import base64
import binascii
import json
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from channels_inbox.calls import Call
from channels_inbox.reader import Reader
from channels_inbox.readers import READERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class BadCase(Exception):
    """A line of a file of cases that can't be understood; its text says why."""


@dataclass(frozen=True)
class Case:
    """One line of a file of cases."""

    id: object
    provider: str
    secret: str
    call: Call


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("provider", nargs="?", metavar="PROVIDER", help=", ".join(READERS))
    parser.add_argument("--headers", type=Path, help="JSON object, or lines of Name: value")
    parser.add_argument("--body", type=Path, help="the raw bytes of the call")
    parser.add_argument(
        "--cases",
        type=Path,
        help="a JSON object per line: id, provider, secret, method, url, headers, body_base64, now",
    )


def call_of(options: Mapping[str, Any]) -> Call:
    """Raises CommandError."""
    if options["body"] is None:
        raise CommandError("Give --body FILE, or --cases FILE.")
    headers = options["headers"]
    return Call(
        body=_bytes(options["body"]),
        headers={} if headers is None else _headers(_bytes(headers)),
        method=options.get("method") or "POST",
        url=options.get("url") or "",
    )


def reader_of(provider: str | None) -> Reader:
    """Raises CommandError."""
    try:
        return READERS[_named(provider)]
    except KeyError:
        raise CommandError(f"PROVIDER is one of: {', '.join(READERS)}") from None


def cases(file: Path, provider: str | None) -> Iterator[tuple[object, Case | BadCase]]:
    """Each line's id, and what it says. `provider` is of those that name none."""
    for line in _bytes(file).splitlines():
        if not line.strip():
            continue
        name = None
        try:
            told = json.loads(line)
            name = told.get("id") if isinstance(told, dict) else None
            yield name, _case(told, provider)
        except (BadCase, ValueError, TypeError, AttributeError, RecursionError) as error:
            yield name, BadCase(str(error))


def _case(told: Any, provider: str | None) -> Case:
    named = _named(told.get("provider") or provider)
    if named not in READERS:
        raise BadCase("unknown provider")
    return Case(
        id=told.get("id"),
        provider=named,
        secret=_text(told, "secret"),
        call=Call(
            body=_body(told),
            headers=_as_headers(told.get("headers") or {}),
            method=_text(told, "method") or "POST",
            url=_text(told, "url"),
            now=time.time() if told.get("now") is None else float(told["now"]),
        ),
    )


def _named(provider: object) -> str:
    """A kind of providers may stand before one: inbound_email/postmark."""
    return str(provider).rpartition("/")[2]


def _text(told: Mapping[str, Any], name: str) -> str:
    """Raises BadCase."""
    value = told.get(name)
    if not isinstance(value, str | int | None) or isinstance(value, bool):
        raise BadCase(f"{name} is no text")
    return "" if value is None else str(value)


def _body(told: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(told.get("body_base64") or "", validate=True)
    except binascii.Error:
        raise BadCase("body_base64 is not base64") from None


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}") from None


def _headers(raw: bytes) -> dict[str, str]:
    written = raw.decode("utf-8", "replace").strip()
    if written.startswith(("{", "[")):
        try:
            return _as_headers(json.loads(written))
        except (ValueError, TypeError) as error:
            raise CommandError(f"The headers can't be read: {error}") from None
    lines = (line.partition(":") for line in written.splitlines())
    return _as_headers([(name, value) for name, colon, value in lines if colon])


def _as_headers(told: Any) -> dict[str, str]:
    """Out of an object, or out of pairs. Several values of one name, in whatever case, are joined,
    and space around them goes, as servers do."""
    found: dict[str, list[str]] = {}
    for name, value in told.items() if isinstance(told, dict) else told:
        values = value if isinstance(value, list) else [value]
        found.setdefault(str(name).strip().lower(), []).extend(str(one).strip() for one in values)
    return {name: ",".join(values) for name, values in found.items()}
