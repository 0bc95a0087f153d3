"""Content-Transfer-Encoding undone leniently and in linear time."""

from __future__ import annotations

import binascii
import quopri
import re
from typing import Final

_BASE64: Final = "base64"
_QUOTED_PRINTABLE: Final = "quoted-printable"
_UUENCODE: Final = "x-uuencode"
_NAMES: Final = {
    "base64": _BASE64,
    "b": _BASE64,
    "quoted-printable": _QUOTED_PRINTABLE,
    "quotedprintable": _QUOTED_PRINTABLE,
    "q": _QUOTED_PRINTABLE,
    "x-uuencode": _UUENCODE,
    "x-uue": _UUENCODE,
    "uuencode": _UUENCODE,
    "uue": _UUENCODE,
}
_NOT_BASE64: Final = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
_PADDING: Final = re.compile(rb"=+")
# A footer appended to an encoded body makes a second run of base64; thousands are an attack.
_MAX_BASE64_RUNS: Final = 1_000


def transfer_encoding(raw: bytes) -> str:
    """`base64`, `quoted-printable`, `x-uuencode`, or '' for content that stands as it is."""
    label = raw.decode("latin-1").split(";")[0].strip(" \t\r\n\"'").lower()
    return _NAMES.get(label, "")


def decode_transfer(body: bytes, encoding: str) -> bytes:
    """The content of `body`. What can't be decoded is left as it came; never raises."""
    if encoding == _BASE64:
        return decode_base64(body)
    if encoding == _QUOTED_PRINTABLE:
        return quopri.decodestring(body)
    if encoding == _UUENCODE:
        return decode_uu_lines(body.splitlines())
    return body


def decode_base64(body: bytes) -> bytes:
    """Base64 with anything foreign skipped; several padded runs are joined."""
    try:
        digits = body.translate(None, _NOT_BASE64)
        runs = _PADDING.split(digits.rstrip(b"="), _MAX_BASE64_RUNS)
        return b"".join(_base64_run(run.replace(b"=", b"")) for run in runs)
    except binascii.Error:
        return body


def _base64_run(digits: bytes) -> bytes:
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def decode_uu_lines(lines: list[bytes]) -> bytes:
    """The data of uuencoded lines; `begin` and `end` lines and damaged ones are skipped."""
    return b"".join(_uu_line(line) for line in lines if not line.startswith((b"begin ", b"end")))


def _uu_line(line: bytes) -> bytes:
    if not line.strip():
        return b""
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Some encoders append junk to a line: keep what its length byte announces.
        length = (((line[0] - 32) & 63) * 4 + 5) // 3
        try:
            return binascii.a2b_uu(line[:length])
        except binascii.Error:
            return b""
