import pytest

from channels_inbox.email.parse import extract, parse
from channels_inbox.email.report import as_json
from channels_inbox.email.tests.mails import multipart, part
from channels_inbox.email.wire import pack, unpack

TOKEN = "abcdefghijklmnopqrstuvwxyz234567abcdefg"
UUID = "6bdc3f4d-0bec-4515-a284-5d916fdde489"


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (b"From: a@x.test\nFrom: b@x.test\n", "several_senders"),
        (b"From: a@x.test, b@x.test, c@x.test\n", "several_senders"),
        (b"From: alice@a]<bob@b>\n", "sender_unreadable"),
        (b"From:\n", "sender_unreadable"),
        (b"Subject: nobody\n", "sender_missing"),
    ],
)
def test_uncertain_sender_is_none(head: bytes, problem: str) -> None:
    mail = parse(head + b"\nbody")
    assert mail.from_ is None
    assert problem in mail.problems
    assert mail.text == "body"


def test_sender_header_names_the_one_author() -> None:
    mail = parse(b"From: a@x.test, b@x.test\nSender: b@x.test\n\n")
    assert mail.from_ is not None and mail.from_.address == "b@x.test"


@pytest.mark.parametrize(
    ("head", "token"),
    [
        (f"To: Desk <support+{TOKEN}@example.com>", TOKEN),
        (f"Delivered-To: reply+{TOKEN}@example.com", TOKEN),
        (f"In-Reply-To: <{TOKEN}.77@example.com>", TOKEN),
        (f"References: <a@b> <{TOKEN}.77@example.com>", TOKEN),
        (f"To: reply+{UUID}@example.com", UUID),
        (f"X-Forwarded-For: reply+{UUID}@example.com", UUID),
        (f"In-Reply-To: <conversation/{UUID}/messages/123@example.com>", UUID),
        (f"To: support+{TOKEN}x@example.com", None),
        ("To: support+sales@example.com", None),
    ],
)
def test_thread_token(head: str, token: str | None) -> None:
    assert parse(head.encode() + b"\n\nbody").thread_token == token


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Fwd: order",
            "---------- Forwarded message ---------\nFrom: Eve <eve@example.com>\nDate: x",
        ),
        ("WG: Frage", "Von: Eve <eve@example.com>\nGesendet: heute\nAn: x@example.com"),
        ("TR: question", "De : Eve <eve@example.com>\nEnvoyé : lundi\nObjet : question"),
        ("Chuyển tiếp", "---------- Thư được chuyển tiếp ----------\nTừ: Eve <eve@example.com>"),
        ("FW: 注文", "差出人: Eve <eve@example.com>\n送信日時: 2024"),
        ("Fwd: x", "Begin forwarded message:\n\n> From: Eve <eve@example.com>\n> Subject: x"),
        ("Fwd: x", "---- Forwarded message\nFrom: Eve [mailto:eve@example.com]\nSent: now"),
    ],
)
def test_original_sender_of_a_forwarded_mail(subject: str, text: str) -> None:
    raw = f"From: ann@example.com\nSubject: {subject}\n\nsee below\n\n{text}\n\nhello".encode()
    sender = parse(raw).original_sender
    assert sender is not None
    assert (sender.name, sender.address) == ("Eve", "eve@example.com")


def test_a_quoting_reply_has_no_original_sender() -> None:
    raw = (
        b"Subject: Re: x\n\nthanks\n\n-----Original Message-----\nFrom: Desk <d@x.test>\nSent: now"
    )
    assert parse(raw).original_sender is None


def test_group_sender_is_taken_from_the_header() -> None:
    raw = b"From: 'Eve' via Support <support@x.test>\nX-Original-Sender: eve@example.com\n\nhi"
    sender = parse(raw).original_sender
    assert sender is not None and sender.address == "eve@example.com"


def test_authentication_results_count_only_where_nobody_reads_them_differently() -> None:
    real = b"Authentication-Results: mx.test; dmarc=pass\n"
    assert parse(real + b"\n").authentication_results == ("mx.test; dmarc=pass",)
    spaced = real.replace(b"Results:", b"Results :")
    assert parse(b"Subject: x\n" + spaced + b"\n").authentication_results == ()
    assert parse(b"Subject: x\nno header\n" + real + b"\n").authentication_results == ()
    assert parse(b"Subject: x\r" + real + b"\n").authentication_results == ()


def test_envelope_and_spam_marks() -> None:
    mail = parse(
        b"Return-Path: <bounce@x.test>\nDelivered-To: desk@x.test\nX-Original-To: all@x.test\n"
        b"X-Spam-Flag: YES\n\n"
    )
    assert mail.return_path == "bounce@x.test"
    assert mail.delivered_to == ("desk@x.test", "all@x.test")
    assert mail.spam_flag


def test_extract_refuses_an_unknown_index() -> None:
    raw = multipart(part(b"text/plain", b"body"))
    for index in (-1, 0, 7):
        with pytest.raises(IndexError):
            extract(raw, index)


def test_report_has_exactly_the_documented_keys() -> None:
    reported = as_json(
        parse(b"From: Ann <ann@example.com>\nDate: 1 Jan 2024 10:00 +0700\n\nhi"), "-"
    )
    assert list(reported) == [
        "file", "from", "to", "cc", "reply_to", "subject", "text", "html", "visible_reply",
        "attachments", "message_id", "in_reply_to", "references", "date", "auto_submitted",
        "is_bounce", "is_feedback_report", "is_list", "not_a_new_ticket", "temporary",
        "failed_recipients", "original_sender", "thread_token",
    ]  # fmt: skip
    assert reported["from"] == {"name": "Ann", "address": "ann@example.com"}
    assert reported["date"] == "2024-01-01T10:00:00+07:00"


def test_wire_keeps_every_value() -> None:
    mail = parse(multipart(part(b"text/plain", "chào".encode()), part(b"application/zip", b"PK")))
    assert unpack(pack(mail)) == mail
