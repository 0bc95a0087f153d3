"""Real bounces, complaints and vacation notices, and ordinary mail that must not look like them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from channels_inbox.email.mail import ParsedMail
from channels_inbox.email.parse import parse

CORPORA = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "email"
BOUNCES = CORPORA / "bounce"

pytestmark = pytest.mark.skipif(not BOUNCES.is_dir(), reason="corpora are not installed")

THRESHOLDS = {
    "is_bounce": 0.99,
    "auto_submitted": 0.99,
    "is_feedback_report": 0.99,
    "not_a_new_ticket": 0.99,
    "temporary": 0.99,
    "failed_recipients": 0.90,
}
KIND_FIELDS = ("is_bounce", "is_feedback_report", "auto_submitted", "not_a_new_ticket")
# Ordinary folders hold one mail that says itself that it is an automatic reply.
SELF_DECLARED = {"non_utf_encoded_mail.eml"}


@pytest.mark.parametrize("field", THRESHOLDS)
def test_bounce_corpora(field: str) -> None:
    checked = 0
    failures: list[str] = []
    for path, expected in _expected_mails():
        if field not in expected:
            continue
        checked += 1
        wanted, got = _comparable(expected[field]), _comparable(getattr(_parsed(path), field))
        if wanted != got:
            failures.append(f"{path.name}: expected {wanted}, got {got}")
    print(f"{field}: {checked - len(failures)}/{checked}", *failures, sep="\n  ")
    assert checked
    assert (checked - len(failures)) / checked >= THRESHOLDS[field], "\n".join(failures)


def test_ordinary_mail_is_not_flagged() -> None:
    flagged = [
        f"{path.name}: {field}"
        for path in sorted(CORPORA.glob("[!b]*/*/*.eml"))
        if path.name not in SELF_DECLARED
        for field in KIND_FIELDS
        if getattr(_parsed(path), field)
    ]
    assert flagged == []


def _expected_mails() -> list[tuple[Path, dict[str, Any]]]:
    return [
        (listing.parent / name, expected)
        for listing in sorted(BOUNCES.glob("*/expected.json"))
        for name, expected in json.loads(listing.read_text("utf-8")).items()
    ]


@cache
def _parsed(path: Path) -> ParsedMail:
    return parse(path.read_bytes())


def _comparable(value: object) -> object:
    if isinstance(value, list | tuple):
        return sorted(str(item).lower() for item in value)
    return value
