"""Whose calls are believed: those signed with our secret, to the byte, and no others."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from channels_inbox.calls import Call
from channels_inbox.management.commands import verify_webhook
from channels_inbox.readers import READERS
from channels_inbox.webhooks import signatures
from tests.channels_inbox.reading import signing
from tests.channels_inbox.reading.signing import (
    ADDRESS,
    FORM,
    FORMS,
    JSON,
    NOW,
    SECRET,
    SETTINGS,
    SHOWING,
    SIGNERS,
    b64,
    messagebird,
    standard,
    token,
    twilio,
    vonage,
    vonage_sms,
)

of_all = pytest.mark.parametrize("provider", READERS)
of_signing = pytest.mark.parametrize("provider", sorted(set(READERS) - SHOWING))


def is_valid(provider: str, call: Call, secret: str = SECRET) -> bool:
    return verify_webhook.is_valid(READERS[provider], call, secret)


@of_all
def test_a_signed_call_is_believed(provider: str) -> None:
    assert is_valid(provider, SIGNERS[provider](SECRET))


@of_all
def test_names_of_headers_are_read_in_any_case(provider: str) -> None:
    call = SIGNERS[provider](SECRET)
    small = {name.lower(): value for name, value in call.headers.items()}
    assert is_valid(provider, replace(call, headers=small))


@of_all
def test_an_unsigned_call_is_refused(provider: str) -> None:
    call = SIGNERS[provider](SECRET)
    assert not is_valid(provider, replace(call, headers={}))
    assert not is_valid(provider, replace(call, headers=dict.fromkeys(call.headers, "")))


@of_all
def test_nothing_is_believed_while_no_secret_is_set(provider: str) -> None:
    for nothing in ("", " "):
        assert not is_valid(provider, SIGNERS[provider](nothing), nothing)


@of_all
def test_the_secret_of_another_inbox_is_refused(provider: str) -> None:
    assert not is_valid(provider, SIGNERS[provider](f"{SECRET}x"))


@of_signing
def test_one_changed_byte_is_refused(provider: str) -> None:
    call = SIGNERS[provider](SECRET)
    for at in range(len(call.body)):
        changed = bytearray(call.body)
        changed[at] ^= 1
        assert not is_valid(provider, replace(call, body=bytes(changed))), at
    assert not is_valid(provider, replace(call, body=b""))


@pytest.mark.parametrize("provider", sorted(set(READERS) - SHOWING - FORMS))
def test_the_same_values_written_anew_are_refused(provider: str) -> None:
    """Of a form the values are signed, of JSON the bytes."""
    call = SIGNERS[provider](SECRET)
    assert not is_valid(provider, replace(call, body=json.dumps(json.loads(JSON)).encode()))


@of_all
@pytest.mark.parametrize("junk", ["é", "\udcff", "x" * 100_000, "..", "a.b.c", "sha256=", "mac="])
def test_odd_signatures_are_refused(provider: str, junk: str) -> None:
    call = SIGNERS[provider](SECRET)
    assert not is_valid(provider, replace(call, headers=dict.fromkeys(call.headers, junk)))


@pytest.mark.parametrize("name", ["messagebird", "vonage"])
def test_a_token_nested_too_deep_is_refused(name: str) -> None:
    head = b'{"a":' + b"[" * 60_000
    deep = f"{b64(head)}.e30.e30"
    headers = {"MessageBird-Signature-JWT": deep, "Authorization": f"Bearer {deep}"}
    assert not is_valid(name, Call(b"", headers, now=NOW))


def test_the_older_signature_of_meta_is_not_enough() -> None:
    mac = hmac.new(SECRET.encode(), JSON, hashlib.sha1).hexdigest()
    for name in ("X-Hub-Signature", "X-Hub-Signature-256"):
        assert not is_valid("whatsapp", Call(JSON, {name: f"sha1={mac}"}))


@pytest.mark.parametrize("how", [str.upper, lambda mac: mac.removeprefix("sha256="), "{} ".format])
def test_what_meta_never_writes_is_refused(how: Callable[[str], str]) -> None:
    call = signing.meta()
    written = how(call.headers["X-Hub-Signature-256"])
    assert not is_valid("whatsapp", replace(call, headers={"X-Hub-Signature-256": written}))


def test_zalo_needs_a_body_with_app_and_time() -> None:
    for body in (b"", b"[]", b"{", b"{}"):
        assert not is_valid("zalo", replace(signing.zalo(), body=body))


@pytest.mark.parametrize(
    ("signed", "seen"),
    [
        ("https://desk.example/a?b=1", "https://desk.example:8443/a?b=1"),
        ("https://desk.example:443/a?b=1", "https://desk.example/a?b=1"),
        ("http://desk.example:80/a?b=1", "http://desk.example/a?b=1"),
        ("http://desk.example/a?b=1", "http://desk.example:8000/a?b=1"),
        ("https://desk.example:8443/a?b=1", "https://desk.example:8443/a?b=1"),
    ],
)
def test_twilio_may_sign_with_or_without_the_port(signed: str, seen: str) -> None:
    assert is_valid("twilio", replace(twilio(address=signed), url=seen))


@pytest.mark.parametrize(
    "seen",
    [
        "https://desk.example/a?b=2",
        "https://desk.example/a",
        "https://evil.example/a?b=1",
        "http://desk.example/a?b=1",
        "https://desk.example/A?b=1",
        "https://[/a?b=1",
        "",
    ],
)
def test_twilio_signs_the_whole_address(seen: str) -> None:
    call = twilio(address="https://desk.example/a?b=1")
    assert is_valid("twilio", call)
    assert not is_valid("twilio", replace(call, url=seen))


def test_twilio_signs_a_field_once_with_each_of_its_values() -> None:
    twice = FORM + b"&From=%2B84901112223"
    assert is_valid("twilio", replace(twilio(), body=twice))
    assert not is_valid("twilio", replace(twilio(), body=twice + b"1"))


def test_twilio_signs_a_body_that_is_no_form_by_its_digest() -> None:
    address = f"{ADDRESS}&bodySHA256={hashlib.sha256(JSON).hexdigest()}"
    call = twilio(address=address, body=JSON)
    assert is_valid("twilio", call)
    assert not is_valid("twilio", replace(call, body=JSON + b" "))
    assert not is_valid("twilio", twilio(address=address, body=FORM))


@pytest.mark.parametrize(
    "body", [b"Body=&From=%2B849", b"B=a+b%26c%3Dd&a=%F0%9F%98%80&A=1", b"From=%2B849;x=1&z="]
)
def test_twilio_signs_every_field_as_it_is(body: bytes) -> None:
    assert is_valid("twilio", twilio(body=body))
    assert not is_valid("twilio", replace(twilio(body=body), body=body + b"&new="))


def test_twilio_signs_the_password_in_an_address() -> None:
    call = twilio(address="https://user:pass@desk.example/a")
    assert is_valid("twilio", call)
    assert is_valid("twilio", replace(call, url="https://user:pass@desk.example:443/a"))
    assert not is_valid("twilio", replace(call, url="https://desk.example/a"))


def test_twilio_may_sign_with_a_shared_key_and_says_how() -> None:
    call = twilio(algorithm="sha256")
    assert is_valid("twilio", call)
    assert not is_valid("twilio", call, f"{SECRET}x")
    for told in ("", "key=k", "key=k,algorithm=HMAC_SHA1", "key=k,algorithm=HMAC_MD5"):
        assert not is_valid("twilio", replace(call, headers={**call.headers, SETTINGS: told}))
    for told in ("", "key=k", "key=k, algorithm=HMAC_SHA1"):
        plain = twilio()
        assert is_valid("twilio", replace(plain, headers={**plain.headers, SETTINGS: told}))


def test_twilio_signs_a_call_without_a_body() -> None:
    assert is_valid("twilio", twilio(body=b"", method="GET"))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_messagebird_signs_with_each_of_its_algorithms(algorithm: str) -> None:
    assert is_valid("messagebird", messagebird(algorithm=algorithm))


@pytest.mark.parametrize(
    "call",
    [
        messagebird(algorithm="none"),
        messagebird(iss="Somebody"),
        messagebird(exp=NOW - 1),
        messagebird(nbf=NOW + 2),
        messagebird(exp="tomorrow"),
        messagebird(exp=True),
        messagebird(exp=None),
        messagebird(nbf=None),
        messagebird(iss=None),
        messagebird(url_hash=None),
        messagebird(url_hash="00"),
        messagebird(payload_hash=None),
        messagebird(body=b"", payload_hash=hashlib.sha256(b"a").hexdigest()),
        replace(messagebird(), url=f"{ADDRESS}&more=1"),
        replace(messagebird(), now=NOW + 3600),
        replace(messagebird(), now=NOW - 3600),
    ],
)
def test_messagebird_tokens_that_do_not_fit_are_refused(call: Call) -> None:
    assert not is_valid("messagebird", call)


def test_messagebird_signs_a_call_without_a_body() -> None:
    assert is_valid("messagebird", messagebird(body=b""))


@pytest.mark.parametrize(
    "call",
    [
        vonage(algorithm="none"),
        vonage(algorithm="HS512"),
        vonage(iat=NOW - 301),
        vonage(iat=NOW + 301),
        vonage(iat=None),
        vonage(iat="now"),
        vonage(exp=NOW - 1),
        vonage(payload_hash=None),
        vonage(payload_hash="00"),
        Call(JSON, {"Authorization": f"Basic {token({'iat': NOW}, SECRET)}"}, now=NOW),
    ],
)
def test_vonage_tokens_that_do_not_fit_are_refused(call: Call) -> None:
    assert not is_valid("vonage", call)


def test_vonage_signs_a_call_without_a_body() -> None:
    assert is_valid("vonage", vonage(body=b"", payload_hash=None))


@pytest.mark.parametrize("digest", ["", "md5", "sha1", "sha256", "sha512"])
def test_vonage_signs_older_messages_by_their_parameters(digest: str) -> None:
    call = vonage_sms(digest=digest)
    assert is_valid("vonage", call)
    assert not is_valid("vonage", call, f"{SECRET}x")
    assert not is_valid("vonage", replace(call, body=call.body.replace(b"849", b"848")))
    assert not is_valid("vonage", vonage_sms(digest=digest, at=NOW - 301))
    assert not is_valid("vonage", vonage_sms(digest=digest, at=NOW + 301))


def test_every_provider_is_tried() -> None:
    assert set(SIGNERS) == set(READERS)


def test_a_call_after_standard_webhooks_is_believed_for_five_minutes() -> None:
    assert is_valid("phone", standard(at=NOW - 300))
    assert is_valid("phone", standard(at=NOW + 300))
    assert not is_valid("phone", standard(at=NOW - 301))
    assert not is_valid("phone", standard(at=NOW + 301))


def test_name_and_time_of_a_call_after_standard_webhooks_are_signed() -> None:
    call = standard()
    for name, value in (("webhook-id", "msg_2"), ("webhook-timestamp", str(NOW + 1))):
        assert not is_valid("phone", replace(call, headers={**call.headers, name: value}))


def test_any_of_several_signatures_after_standard_webhooks_will_do() -> None:
    call = standard()
    given = call.headers["webhook-signature"]
    for told in (f"v1,AAAA {given}", f"{given} v1,AAAA", f"v1a,xx {given} v2,yy"):
        assert is_valid("phone", replace(call, headers={**call.headers, "webhook-signature": told}))


def test_a_secret_we_made_is_the_key_in_it() -> None:
    secret = signatures.new_secret()
    headers = signatures.headers([secret], "msg_1", NOW, JSON)
    call = Call(JSON, headers, now=NOW)
    assert is_valid("phone", call, secret)
    assert not is_valid("phone", call, signatures.new_secret())
