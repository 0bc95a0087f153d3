from datetime import UTC, datetime, timedelta, timezone

import pytest

from channels_inbox.email.mime.headers import (
    clean_line,
    content_header,
    decode_text,
    message_ids,
    parse_date,
    safe_filename,
)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?utf-8?B?WGluIGNow6A=?= =?utf-8?B?bw==?=", "Xin chào"),
        (b"=?utf-8?B?WGluIGNoww==?=\r\n =?utf-8?B?oG8=?=", "Xin chào"),
        (b"=?utf-8?Q?a_b?= plain", "a b plain"),
        (b"=?utf-8?q?with spaces?=", "with spaces"),
        (b"=?utf-8*vi?Q?ch=C3=A0o?=", "chào"),
        (b"=?utf-8?B?Y2jDoG8", "chào"),
        (b"=?no-such-set?Q?abc?=", "abc"),
        (b"=?utf-7?Q?+ADw-script+AD4-?=", "+ADw-script+AD4-"),
        ("Xin chào".encode(), "Xin chào"),
        (b"caf\xe9", "café"),
        (b"x =?utf-8?q?=0D=0ABcc:_evil@example.com?=", "x Bcc: evil@example.com"),
        (b"a\x00b", "ab"),
    ],
)
def test_decodes_to_one_safe_line(raw: bytes, text: str) -> None:
    assert decode_text(raw) == text


def test_direction_and_zero_width_characters_vanish() -> None:
    assert clean_line("Support\u202e\u2066 te\u200bam\ufeff\u200d") == "Support team"


def test_joiners_stay_where_a_script_needs_them() -> None:
    family = "\U0001f468\u200d\U0001f469"
    assert clean_line(f"می\u200cخواهم {family}") == f"می\u200cخواهم {family}"


@pytest.mark.parametrize(
    ("raw", "name", "value"),
    [
        (b"attachment; filename=plain.pdf", "filename", "plain.pdf"),
        (b"attachment; filename=two words.pdf", "filename", "two words.pdf"),
        (b'attachment; filename="=?utf-8?Q?b=C3=A1o.pdf?="', "filename", "báo.pdf"),
        (b"attachment; filename*=utf-8''b%C3%A1o.pdf", "filename", "báo.pdf"),
        (b"attachment; filename*0*=utf-8''b%C3; filename*1*=%A1o; filename*2=.pdf", "filename",
         "báo.pdf"),
        (b'attachment; filename*1=".pdf"; filename*0="report"', "filename", "report.pdf"),
        ('attachment; filename="báo.pdf"'.encode(), "filename", "báo.pdf"),
        (b"attachment; filename*=utf-8''a%0d%0aBcc:x.txt", "filename", "a Bcc:x.txt"),
        (b'multipart/mixed\r\n boundary="b"', "boundary", "b"),
        (b'multipart/mixed; boundary="a  b"', "boundary", "a  b"),
    ],
)  # fmt: skip
def test_parameters(raw: bytes, name: str, value: str) -> None:
    assert content_header(raw).parameters[name] == value


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\windows\\x.exe", "x.exe"),
        ("..", ""),
        ("a\x00\r\nb.txt", "a b.txt"),
        ("gpj\u202eexe.txt", "gpjexe.txt"),
        ("n" * 4000 + ".pdf", "n" * 251 + ".pdf"),
    ],
)
def test_filenames_are_one_harmless_name(name: str, safe: str) -> None:
    assert safe_filename(name) == safe


@pytest.mark.parametrize(
    ("raw", "when"),
    [
        (b"Tue, 20 Apr 2020 04:20:20 -0400",
         datetime(2020, 4, 20, 4, 20, 20, tzinfo=timezone(timedelta(hours=-4)))),
        (b"20 Apr 2020 04:20", datetime(2020, 4, 20, 4, 20, tzinfo=UTC)),
        (b"Tue, 99 Foo 2020", None),
        (b"", None),
        (b"Fri, 31 Dec 99999 23:59:59 +9999", None),
    ],
)  # fmt: skip
def test_dates_are_aware_or_none(raw: bytes, when: datetime | None) -> None:
    assert parse_date(raw) == when


def test_message_ids_lose_their_brackets_and_doubles() -> None:
    assert message_ids(b"<a@x>\r\n <b@x> <a@x>") == ("a@x", "b@x")
    assert message_ids(b"bare@id.example") == ("bare@id.example",)
    assert message_ids(b"") == ()
