"""Whom a delivery failure is about, when no machine-readable report says so."""

import re
from collections.abc import Callable, Iterable, Iterator
from email.message import Message

from channels_inbox.email.notices.bounce_formats import (
    BEFORE_ADDRESS,
    BODY_PHRASE,
    CONTACT_BEFORE_ADDRESS,
    LIST_INTRODUCTION,
    REASON_AFTER_ADDRESS,
    SMTP_REPLY,
    UNDELIVERED_TO,
)
from channels_inbox.email.notices.delivery_status import returned_mail
from channels_inbox.email.notices.mail_headers import (
    ADDRESS,
    ADDRESS_PATTERN,
    addresses_in,
    fold,
    header,
    header_values,
    lines_of,
    sender_address,
)

_MAX_RECIPIENTS = 100
_LEADING_ADDRESS = re.compile(rf"^[\s>*+|\"'<(-]{{0,40}}({ADDRESS_PATTERN})")
_LOCAL_NAME = re.compile(r"^\s{1,12}([A-Za-z0-9][\w.-]{0,40})\s{0,4}(?:\([^()]{0,80}\)\s*)?$")
_BEFORE_CHARS = 60
_MAX_GUESSES = 3


def declared_recipients(message: Message) -> list[str]:
    return _unique(
        address
        for value in header_values(message, "X-Failed-Recipients")
        for address in addresses_in(value)
    )


def named_recipients(report: str) -> list[str]:
    """Addresses the report itself says have failed."""
    return _unique(_named(lines_of(report)))


def guessed_recipients(message: Message, report: str) -> list[str]:
    """For a mail known to be a failure report that names nobody in a known way."""
    sources: tuple[Callable[[], list[str]], ...] = (
        lambda: _in_smtp_replies(report),
        lambda: _local_names(message, report),
        lambda: _few_strangers(message, report),
        lambda: addresses_in(header(message, "Subject")),
        lambda: _addressees_of_returned_mail(message),
    )
    for source in sources:
        found = _unique(source())
        if found:
            return found
    return []


def blames_an_address(report: str) -> bool:
    """A person may well write an address; `<address>: reason` or an address right after
    "could not be delivered to" is how software writes."""
    previous = ""
    for line in lines_of(report):
        if "@" in line and (_reason_follows(line) or _failure_precedes(line, previous)):
            return True
        previous = line if line.strip() else previous
    return False


def _failure_precedes(line: str, previous: str) -> bool:
    leading = _LEADING_ADDRESS.match(line)
    if leading:
        introduction = fold(previous)
        return bool(LIST_INTRODUCTION.search(introduction) and BODY_PHRASE.search(introduction))
    found = ADDRESS.search(line)
    return bool(found and UNDELIVERED_TO.search(fold(line[: found.start()])))


def _named(lines: list[str]) -> Iterator[str]:
    listing = False
    previous = ""
    for line in lines:
        if "@" in line:
            yield from _named_in_line(line, previous, listing=listing)
        listing = listing or bool(LIST_INTRODUCTION.search(fold(line)))
        previous = line


def _named_in_line(line: str, previous: str, *, listing: bool) -> Iterator[str]:
    leading = _LEADING_ADDRESS.match(line)
    if leading and (listing or _reason_follows(line)):
        yield leading.group(1)
    for found in ADDRESS.finditer(line):
        before = fold(f"{previous} {line[: found.start()]}"[-_BEFORE_CHARS:])
        if BEFORE_ADDRESS.search(before) and not CONTACT_BEFORE_ADDRESS.search(before):
            yield found.group()


def _reason_follows(line: str) -> bool:
    leading = _LEADING_ADDRESS.match(line)
    return bool(leading and REASON_AFTER_ADDRESS.match(line[leading.end() :]))


def _in_smtp_replies(report: str) -> list[str]:
    return [
        address
        for line in lines_of(report)
        if "@" in line and SMTP_REPLY.search(line)
        for address in addresses_in(line)
    ]


def _local_names(message: Message, report: str) -> list[str]:
    """Some systems list their own users without the domain they share with the report."""
    domain = sender_address(message).partition("@")[2]
    names: list[str] = []
    introduced = False
    for line in filter(str.strip, lines_of(report)):
        found = _LOCAL_NAME.match(line) if introduced and domain else None
        if found:
            names.append(f"{found.group(1)}@{domain}")
        else:
            introduced = line.rstrip().endswith(":") and bool(BODY_PHRASE.search(fold(line)))
    return names


def _few_strangers(message: Message, report: str) -> list[str]:
    """A report that mentions a handful of addresses mentions those that failed."""
    own = {sender_address(message), *addresses_in(header(message, "To"))}
    strangers = _unique(
        address
        for address in addresses_in(report)
        if address.lower() not in own and not address.lower().startswith("postmaster@")
    )
    return strangers if len(strangers) <= _MAX_GUESSES else []


def _addressees_of_returned_mail(message: Message) -> list[str]:
    returned = returned_mail(message)
    return addresses_in(header(returned, "To")) if returned is not None else []


def _unique(addresses: Iterable[str]) -> list[str]:
    bare = (address.lower().strip("'\"`") for address in addresses)
    return list(dict.fromkeys(bare))[:_MAX_RECIPIENTS]
