"""Compares parsed mails with the expectations of a folder of real mails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from channels_inbox.email.mail import ParsedMail
from channels_inbox.email.parse import extract

CORPORA = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "email"

Check = Callable[[ParsedMail, bytes, Any], bool]


def compact(text: str) -> str:
    return re.sub(r"[\s\x00]+", "", text)


def _contains(parsed: ParsedMail, _: bytes, wanted: list[str]) -> bool:
    text = compact(parsed.text)
    return all(compact(one) in text for one in wanted)


def _preserved(parsed: ParsedMail, raw: bytes, wanted: list[str]) -> bool:
    contents = (extract(raw, index) for index in range(len(parsed.attachments)))
    texts = [parsed.text, parsed.html, *(one.decode("latin-1") for one in contents)]
    found = [compact(one) for one in texts]
    return all(any(compact(one) in text for text in found) for one in wanted)


def _hashes(parsed: ParsedMail, _: bytes, wanted: list[str]) -> bool:
    return set(wanted) <= {one.sha256 for one in parsed.attachments}


def _filenames(parsed: ParsedMail, _: bytes, wanted: list[str]) -> bool:
    return set(wanted) <= {one.filename for one in parsed.attachments}


CHECKS: dict[str, Check] = {
    "from": lambda parsed, _, wanted: (
        parsed.from_ is not None and parsed.from_.address.lower() == wanted.lower()
    ),
    "from_name": lambda parsed, _, wanted: parsed.from_ is not None and parsed.from_.name == wanted,
    "to": lambda parsed, _, wanted: [one.address for one in parsed.to] == wanted,
    "cc": lambda parsed, _, wanted: [one.address for one in parsed.cc] == wanted,
    "subject": lambda parsed, _, wanted: compact(parsed.subject) == compact(wanted),
    "text": lambda parsed, _, wanted: compact(parsed.text).startswith(
        compact(wanted.removesuffix("..."))
    ),
    "text_contains": _contains,
    "content_preserved": _preserved,
    "attachment_count": lambda parsed, _, wanted: len(parsed.attachments) == wanted,
    "attachment_min": lambda parsed, _, wanted: len(parsed.attachments) >= wanted,
    "attachment_names": _filenames,
    "attachment_sha256": _hashes,
    "message_id": lambda parsed, _, wanted: parsed.message_id == wanted,
    "in_reply_to": lambda parsed, _, wanted: parsed.in_reply_to == wanted,
    "visible_startswith": lambda parsed, _, wanted: compact(parsed.visible_reply).startswith(
        compact(wanted)
    ),
    "visible_not_contains": lambda parsed, _, wanted: (
        not any(one in parsed.visible_reply for one in wanted)
    ),
    "visible_contains": lambda parsed, _, wanted: all(
        compact(one) in compact(parsed.visible_reply) for one in wanted
    ),
    "visible_reply": lambda parsed, _, wanted: parsed.visible_reply.strip() == wanted.strip(),
    "visible_compact": lambda parsed, _, wanted: compact(parsed.visible_reply) == compact(wanted),
    "auto_submitted": lambda parsed, _, wanted: parsed.auto_submitted == wanted,
    "is_bounce": lambda parsed, _, wanted: parsed.is_bounce == wanted,
    "is_feedback_report": lambda parsed, _, wanted: parsed.is_feedback_report == wanted,
    "not_a_new_ticket": lambda parsed, _, wanted: parsed.not_a_new_ticket == wanted,
    "temporary": lambda parsed, _, wanted: parsed.temporary == wanted,
    "failed_recipients": lambda parsed, _, wanted: (
        set(parsed.failed_recipients) == {one.lower() for one in wanted}
    ),
}


def results(parsed: ParsedMail, raw: bytes, expected: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """(field, passed) for every expected field that has a check."""
    for field, wanted in expected.items():
        if field in CHECKS:
            yield field, CHECKS[field](parsed, raw, wanted)
