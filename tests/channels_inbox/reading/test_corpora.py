"""Scores on calls kept outside the project; skipped where they are absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from channels_inbox.calls import Call
from channels_inbox.email.parse import parse as parse_mail
from channels_inbox.email.posted.vendors import VENDORS
from channels_inbox.management.commands.parse_webhook import as_json
from channels_inbox.readers import READERS
from tests.channels_inbox.reading.test_signatures import is_valid

CORPORA = Path(__file__).resolve().parents[4] / "shared" / "corpora"
# Formats of our own, which nobody has collected.
OURS = {"phone", "generic"}
PROVIDERS = [
    name
    for name, reader in READERS.items()
    if reader.events and name not in VENDORS and name not in OURS
]
SIGNATURES = ["line", "messagebird_jwt", "twilio"]
LEAST_PART_RIGHT = 0.97

pytestmark = pytest.mark.skipif(
    not CORPORA.is_dir(), reason="the corpora of calls are not on this machine"
)


def calls(provider: str) -> Iterator[tuple[str, Call, dict[str, Any]]]:
    folder = CORPORA / "webhooks" / provider
    expectations = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    for name, expected in expectations.items():
        body = (folder / name).read_bytes()
        yield name, Call(body, expected["headers"], url=expected.get("url", "")), expected


@pytest.mark.parametrize("provider", PROVIDERS)
def test_events(provider: str) -> None:
    fields: list[tuple[str, str, bool]] = []
    for name, call, expected in calls(provider):
        told = [as_json(event) for event in READERS[provider].parse(call)]
        kinds = [event["kind"] for event in told]
        assert kinds == [event["kind"] for event in expected["events"]], name
        for event, wanted in zip(told, expected["events"], strict=True):
            fields += [(name, field, event.get(field) == wanted[field]) for field in wanted]
    wrong = [(name, field) for name, field, right in fields if not right]
    assert fields
    assert len(wrong) <= (1 - LEAST_PART_RIGHT) * len(fields), wrong


@pytest.mark.parametrize("provider", PROVIDERS)
def test_signatures_of_calls(provider: str) -> None:
    for name, call, expected in calls(provider):
        secret = expected["secret"]
        assert is_valid(provider, call, secret) == bool(secret), name
        assert not is_valid(provider, call, f"{secret}x"), name
        forged = Call(call.body + b"&x=1", call.headers, url=call.url)
        # Telegram's secret says nothing of the body.
        assert is_valid(provider, forged, secret) == (provider == "telegram"), name


@pytest.mark.parametrize("vendor", VENDORS)
def test_mails(vendor: str) -> None:
    folder = CORPORA / "webhooks" / "inbound_email" / vendor
    for name, wanted in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items():
        call = Call((folder / name).read_bytes(), {"Content-Type": wanted["content_type"]})
        (posted,) = VENDORS[vendor](call)
        mail = parse_mail(posted.raw)
        told = {
            "envelope_sender": posted.sender,
            "envelope_recipient": posted.recipient,
            "spam_score": float(posted.spam_score or 0),
            "from": mail.from_.address if mail.from_ else "",
            "from_name": mail.from_.name if mail.from_ else "",
            "to": [one.address for one in mail.to],
            "cc": [one.address for one in mail.cc],
            "subject": mail.subject,
            "message_id": mail.message_id.strip("<>"),
            "text": mail.text.split(),
            "html_raw": mail.html.split(),
            "attachment_count": len(mail.attachments),
        }
        spaced = {"text", "html_raw"}
        expected = {one: wanted[one].split() if one in spaced else wanted[one] for one in wanted}
        expected["message_id"] = wanted.get("message_id", "").strip("<>") or told["message_id"]
        assert {one: told[one] for one in told if one in wanted} == {
            one: expected[one] for one in told if one in wanted
        }, name


@pytest.mark.parametrize("provider", SIGNATURES)
def test_signatures(provider: str) -> None:
    for case in json.loads((CORPORA / "signatures" / f"{provider}.json").read_text()):
        form = urlencode([(name, value) for name, value in case.get("params", [])])
        told = (case.get("body") or form).encode()
        made = {name: case[name] for name in ("method", "url", "now") if case.get(name) is not None}
        call = Call(told, case["headers"], **made)
        assert is_valid(provider, call, case["secret"]) == case["valid"], case["id"]
