"""What is read out of each provider's calls: every documented type, batches whole, nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from channels_inbox.calls import Call
from channels_inbox.email.posted.vendors import VENDORS
from channels_inbox.events import Kind, Unreadable
from channels_inbox.management.commands.parse_webhook import as_json
from channels_inbox.readers import READERS
from tests.channels_inbox.reading import (
    asian_samples,
    mail_samples,
    meta_samples,
    own_samples,
    phone_samples,
    telegram_samples,
    whatsapp_samples,
)
from tests.channels_inbox.reading.samples import Sample, as_body, with_unknown_fields

SAMPLES = [
    *whatsapp_samples.SAMPLES,
    *meta_samples.SAMPLES,
    *telegram_samples.SAMPLES,
    *asian_samples.SAMPLES,
    *phone_samples.SAMPLES,
    *mail_samples.SAMPLES,
    *own_samples.SAMPLES,
]
PROVIDERS = [name for name, reader in READERS.items() if reader.events]
of_all = pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: f"{one.provider}: {one.name}")


def told_of(provider: str, body: bytes) -> list[dict[str, Any]]:
    return [as_json(event) for event in READERS[provider].parse(Call(body))]


def agrees(sample: Sample, body: bytes) -> None:
    told = told_of(sample.provider, body)
    assert len(told) == len(sample.events)
    for event, expected in zip(told, sample.events, strict=True):
        assert {name: event.get(name) for name in expected} == expected


@of_all
def test_everything_in_it_is_read(sample: Sample) -> None:
    agrees(sample, sample.body)


@of_all
def test_unknown_fields_change_nothing(sample: Sample) -> None:
    agrees(sample, as_body(with_unknown_fields(sample.content)))


def test_every_provider_has_messages_and_types_that_do_not_exist() -> None:
    for provider in set(PROVIDERS) - set(VENDORS):
        mine = [one for one in SAMPLES if one.provider == provider]
        kinds = {event.get("kind") for one in mine for event in one.events}
        assert "other" in kinds, provider
        assert kinds & {"message", "comment", "call"}, provider


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff\xfe", b'"text"', b"[" * 100_000])
def test_what_is_no_body_of_theirs_is_refused(provider: str, body: bytes) -> None:
    with pytest.raises(Unreadable):
        READERS[provider].parse(Call(body))


@pytest.mark.parametrize("provider", ["whatsapp", "messenger", "instagram", "line"])
def test_a_call_without_its_batch_is_refused(provider: str) -> None:
    with pytest.raises(Unreadable):
        READERS[provider].parse(Call(b'{"object": "page"}'))


@pytest.mark.parametrize("provider", ["twilio_sms", "vonage"])
def test_what_was_not_posted_is_read_from_the_address(provider: str) -> None:
    address = "https://desk.example/hook?msisdn=849&to=1&messageId=M1&MessageSid=M1&From=849&text=a"
    call = Call(method="GET", url=f"{address}&Body=a")
    assert [(one.kind, one.message_id, one.text) for one in READERS[provider].parse(call)] == [
        (Kind.MESSAGE, "M1", "a")
    ]


def test_what_a_database_can_not_hold_is_left_out() -> None:
    body = (
        b'{"update_id": 1, "message": {"message_id": 1, "from": {"id": 2}, "chat": {"id": 2},'
        b' "text": "a\\u0000b\\ud800"}}'
    )
    assert told_of("telegram", body)[0]["text"] == "ab\ufffd"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_is_not_utf_8_costs_a_sign_and_no_message(mark: bytes) -> None:
    body = b'{"update_id": 1, "message": {"message_id": 1, "from": {"id": 2}, "text": "a\xe9b"}}'
    assert told_of("telegram", mark + body)[0]["text"] == "a\ufffdb"
    body = b"MessageSid=SM1&From=%2B849&Body=a%E9b"
    assert told_of("twilio_sms", mark + body)[0]["text"] == "a\ufffdb"


@pytest.mark.parametrize(
    "body",
    [
        b"Body=a&From=%2B849&MessageSid=SM1",
        b"MessageSid=SM1&From=%2B849&Body=a&",
        b"&&MessageSid=SM1&From=%2B849&Flag&Body=a",
        b"MessageSid=SM1&From=%2B849&Body=a&Body=b&MessageSid=SM2",
    ],
)
def test_a_form_may_be_written_in_many_ways(body: bytes) -> None:
    (told,) = told_of("twilio_sms", body)
    assert (told["kind"], told["message_id"], told["text"]) == ("message", "SM1", "a")


@pytest.mark.parametrize("body", [b'{"Body": "a=b"}', b"[a=b]", b"Body=&From=", b"plain text"])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        READERS["twilio_sms"].parse(Call(body))


def test_rich_text_nested_to_any_depth_is_read() -> None:
    depth = 900
    text = '{"type":"bold","text":' * depth + '"a"' + "}" * depth
    body = (
        '{"update_id":1,"message":{"message_id":1,"from":{"id":2},"chat":{"id":2},'
        f'"rich_message":{{"blocks":[{{"type":"paragraph","text":{text}}}]}}}}}}'
    )
    assert told_of("telegram", body.encode())[0]["text"] == "a"


@pytest.mark.parametrize("missing", ["message_id", "from"])
def test_a_message_that_can_not_be_known_again_is_none(missing: str) -> None:
    message = {"message_id": 1, "from": {"id": 2}, "chat": {"id": 2}, "text": "a"}
    del message[missing]
    told = told_of("telegram", as_body({"update_id": 1, "message": message}))
    named = "message_id" if missing == "message_id" else "sender"
    assert [(one["kind"], one["reason"]) for one in told] == [("other", f"message without {named}")]
