"""Mails made to hurt: each is read within a second of CPU, and what is cut is said."""

import io
import zipfile

import pytest

from channels_inbox.email.mail import ParsedMail
from channels_inbox.email.mime.limits import MAX_PARTS
from channels_inbox.email.parse import parse
from channels_inbox.email.tests.clock import timed
from channels_inbox.email.tests.mails import multipart, part

CPU_SECONDS = 1.0
HTML = b"From: ann@example.com\nContent-Type: text/html\n\n"
TEXT = b"From: ann@example.com\n\n"


def parse_in_time(raw: bytes) -> ParsedMail:
    mail, seconds = timed(lambda: parse(raw))
    assert seconds < CPU_SECONDS
    return mail


def test_five_thousand_parts() -> None:
    mail = parse_in_time(multipart(*[part(b"text/plain", b"part")] * 5000))
    assert mail.truncated and "too_many_parts" in mail.problems
    assert mail.text.count("part") == MAX_PARTS - 1


def nested(levels: int) -> bytes:
    heads = (
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(levels)
    )
    return b"".join(heads) + b"\ninner"


@pytest.mark.parametrize(
    "raw", [nested(500), nested(5000), b"Content-Type: message/rfc822\n\n" * 100_000 + b"\nhi"]
)
def test_deep_nesting_is_cut_and_kept_as_an_attachment(raw: bytes) -> None:
    mail = parse_in_time(raw)
    assert mail.truncated and "too_deep" in mail.problems
    assert len(mail.attachments) == 1


def test_one_megabyte_of_recipients() -> None:
    recipients = b",\n ".join(b"u%d@x.example" % number for number in range(60_000))
    mail = parse_in_time(b"From: ann@example.com\nTo: " + recipients + b"\n\nhi")
    assert mail.from_ is not None and mail.text == "hi"
    assert {"header_too_long", "too_many_addresses"} <= set(mail.problems)


WORD = (
    b'<p class=MsoNormal style="margin-bottom:0cm"><span lang=EN-US style=\'font-size:12.0pt;'
    b'font-family:"Times New Roman",serif\'>A paragraph<o:p></o:p></span></p>\n'
)


@pytest.mark.parametrize(
    "raw",
    [
        HTML + b"<" * 100_000,
        HTML + b"<" * 5_000_000,
        HTML + b"<!--" * 1_000_000,
        HTML + b"<style" * 500_000,
        HTML + b"<table><tr><td>" * 5_000,
        HTML + b"<div>" * 200_000 + b"deep",
        HTML + WORD * (5_000_000 // len(WORD)),
        TEXT + b">" * 1_000_000,
        TEXT + b">\n" * 500_000,
        TEXT + b"begin 644 a\nM\n" * 100_000,
        TEXT + b"\x00" * 1_000_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\nhi",
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--y\n" * 300_000,
    ],
    ids=["lt", "lt5m", "comments", "styles", "tables", "divs", "word", "gt", "gtlines", "uu", "nul",
         "words", "boundaries"],
)  # fmt: skip
def test_reads_in_linear_time(raw: bytes) -> None:
    parse_in_time(raw)


def test_deeply_nested_html_keeps_its_text() -> None:
    assert "deep" in parse_in_time(HTML + b"<div>" * 5_000 + b"deep").text


def test_headers_can_not_be_injected() -> None:
    mail = parse(
        b"From: =?utf-8?q?Ann=0D=0ABcc=3A_x?= <ann@example.com>\n"
        b"Subject: a =?utf-8?b?DQpCY2M6IGV2aWxAeA==?=\n"
        b"Content-Disposition: attachment; filename*=utf-8''a%0D%0Ab.txt\n\nx"
    )
    assert mail.from_ is not None
    for value in (mail.subject, mail.from_.name, mail.attachments[0].filename):
        assert "\r" not in value and "\n" not in value
    assert mail.to == mail.cc == ()


def test_archives_are_never_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 50_000_000)
    bomb = packed.getvalue()
    mail = parse_in_time(multipart(part(b"application/zip; name=bomb.zip", bomb)))
    assert [(one.filename, one.size) for one in mail.attachments] == [("bomb.zip", len(bomb))]


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r\n\r\n", b"\x00", b":", b"\xff\xfe", b"From "])
def test_next_to_nothing_is_a_mail_without_sender(raw: bytes) -> None:
    assert parse(raw).from_ is None
