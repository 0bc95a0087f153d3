import unicodedata

import pytest

from channels_inbox.email.mime import charsets


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        ("Xin chào".encode(), "us-ascii", "Xin chào"),
        ("Xin chào".encode(), "iso-8859-1", "Xin chào"),
        (b"caf\xe9", "iso-8859-1", "café"),
        (b"caf\xe9", "utf-8", "café"),
        (b"\x80 5", "iso-8859-1", "€ 5"),
        (b"Ti\xd5ng Vi\xd6t", "tcvn3", "Tiếng Việt"),
        (b"Ti\xaang Vi\xaet", "VISCII", "Tiếng Việt"),
        (b"\x1b$B$3$s\x1b(B", "iso-2022-jp", "こん"),
        (b"\x1b$B$3$s\x1b(B", "", "こん"),
        ("안녕".encode("cp949"), "ks_c_5601-1987", "안녕"),
        ("汉字镕".encode("gb18030"), "gb2312", "汉字镕"),
        ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
        (b"abc", "x-unknown", "abc"),
        (b"abc", "punycode", "abc"),
        ("päivää".encode() + b"\xe8", "utf-8", "päivää\ufffd"),
    ],
)
def test_reads_what_the_bytes_say(data: bytes, label: str, text: str) -> None:
    assert charsets.decode(data, label) == text


def test_windows_1258_tone_marks_are_composed() -> None:
    sent = "Tiếng Việt".replace("ế", "ê\u0301").replace("ệ", "ê\u0323").encode("cp1258")
    text = charsets.decode(sent, "windows-1258")
    assert text == unicodedata.normalize("NFC", "Tiếng Việt")


@pytest.mark.parametrize("label", ["utf-7", "UTF7", "unicode-1-1-utf-7"])
def test_utf_7_stays_inert(label: str) -> None:
    assert charsets.decode(b"+ADw-script+AD4-", label) == "+ADw-script+AD4-"
