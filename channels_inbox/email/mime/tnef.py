"""Outlook's winmail.dat (TNEF): the attachments and bodies inside. Reads only what it needs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from channels_inbox.email.mime import charsets
from channels_inbox.email.mime.limits import MAX_TNEF_RECORDS

_SIGNATURE: Final = b"\x78\x9f\x3e\x22"
_ATT_BODY: Final = 0x800C
_ATT_DATA: Final = 0x800F
_ATT_TITLE: Final = 0x8010
_ATT_REND_DATA: Final = 0x9002
_ATT_PROPERTIES: Final = 0x9003
_ATT_ATTACHMENT: Final = 0x9005
_ATT_CODE_PAGE: Final = 0x9007

_TEXT: Final = 0x1000
_RTF: Final = 0x1009
_HTML: Final = 0x1013
_DATA: Final = 0x3701
_FILENAME: Final = 0x3704
_LONG_FILENAME: Final = 0x3707
_MIME_TAG: Final = 0x370E
_CONTENT_ID: Final = 0x3712

_STRING_8: Final = 0x1E
_STRING_16: Final = 0x1F
_FIXED_SIZES: Final = {
    0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8,
    0x48: 16,
}  # fmt: skip
_VARIABLE: Final = frozenset({0x0D, _STRING_8, _STRING_16, 0x102})
_MULTI_VALUED: Final = 0x1000
_OBJECT: Final = 0x0D
_GUID_BYTES: Final = 16


class NotTnef(ValueError):
    """The bytes are no TNEF container."""


@dataclass(slots=True)
class TnefFile:
    """One attached file. Empty strings where TNEF does not say."""

    name: str = ""
    content_type: str = ""
    content_id: str = ""
    content: bytes = b""


@dataclass(slots=True)
class TnefContent:
    """What a container holds. `html` is undecoded; `compressed_rtf` as it stands."""

    text: str = ""
    html: bytes = b""
    compressed_rtf: bytes = b""
    code_page: str = "cp1252"
    files: list[TnefFile] = field(default_factory=list)


def read_tnef(data: bytes) -> TnefContent:
    """Read a container; a truncated one gives what came before the cut. Raises NotTnef."""
    if not data.startswith(_SIGNATURE):
        raise NotTnef("signature missing")
    content = TnefContent()
    for attribute, value in _attributes(data):
        try:
            _take(content, attribute, value)
        except (struct.error, IndexError, ValueError):
            continue
    content.files = [one for one in content.files if one.content or one.name]
    return content


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = len(_SIGNATURE) + 2
    for _ in range(MAX_TNEF_RECORDS):
        if position + 9 > len(data):
            return
        attribute, _, size = struct.unpack_from("<xHHI", data, position)
        position += 9
        yield attribute, data[position : position + size]
        position += size + 2


def _take(content: TnefContent, attribute: int, value: bytes) -> None:
    if attribute == _ATT_REND_DATA:
        content.files.append(TnefFile())
    elif attribute == _ATT_CODE_PAGE:
        content.code_page = f"cp{struct.unpack_from('<I', value)[0]}"
    elif attribute == _ATT_BODY:
        content.text = content.text or _string_8(value, content)
    elif attribute == _ATT_PROPERTIES:
        _take_message_properties(content, value)
    elif content.files:
        _take_file_attribute(content, attribute, value)


def _take_message_properties(content: TnefContent, value: bytes) -> None:
    for name, kind, raw in _properties(value):
        if name == _TEXT:
            content.text = _string(raw, kind, content) or content.text
        elif name == _HTML:
            wide = kind == _STRING_16
            content.html = raw.decode("utf-16-le", "replace").encode() if wide else raw
        elif name == _RTF:
            content.compressed_rtf = raw


def _take_file_attribute(content: TnefContent, attribute: int, value: bytes) -> None:
    current = content.files[-1]
    if attribute == _ATT_TITLE:
        current.name = current.name or _string_8(value, content)
    elif attribute == _ATT_DATA:
        current.content = value
    elif attribute == _ATT_ATTACHMENT:
        for name, kind, raw in _properties(value):
            _take_file_property(content, current, name, kind, raw)


def _take_file_property(
    content: TnefContent, current: TnefFile, name: int, kind: int, raw: bytes
) -> None:
    if name == _LONG_FILENAME:
        current.name = _string(raw, kind, content) or current.name
    elif name == _FILENAME:
        current.name = current.name or _string(raw, kind, content)
    elif name == _MIME_TAG:
        current.content_type = _string(raw, kind, content).lower()
    elif name == _CONTENT_ID:
        current.content_id = _string(raw, kind, content).strip("<>")
    elif name == _DATA and not current.content:
        current.content = raw[_GUID_BYTES:] if kind == _OBJECT else raw


def _properties(value: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(property id, type, first value) of a MAPI property list; stops at what it can't read."""
    (count,) = struct.unpack_from("<I", value)
    position = 4
    for _ in range(min(count, MAX_TNEF_RECORDS)):
        kind, name = struct.unpack_from("<HH", value, position)
        position += 4
        if name >= 0x8000:
            position = _after_property_name(value, position)
        raw, position = _property_value(value, position, kind)
        yield name, kind & ~_MULTI_VALUED, raw


def _after_property_name(value: bytes, position: int) -> int:
    is_string, size = struct.unpack_from("<II", value, position + _GUID_BYTES)
    position += _GUID_BYTES + 8
    return position + _padded(size) if is_string else position


def _property_value(value: bytes, position: int, kind: int) -> tuple[bytes, int]:
    """(the first value, position after all of them). Raises ValueError for an unknown type."""
    base = kind & ~_MULTI_VALUED
    is_variable = base in _VARIABLE
    count = 1
    if is_variable or kind & _MULTI_VALUED:
        (count,) = struct.unpack_from("<I", value, position)
        position += 4
    if not is_variable:
        if base not in _FIXED_SIZES:
            raise ValueError(f"unknown property type {base:#x}")
        size = _FIXED_SIZES[base]
        return value[position : position + size], position + size * count
    first = b""
    for index in range(min(count, MAX_TNEF_RECORDS)):
        (size,) = struct.unpack_from("<I", value, position)
        position += 4
        if index == 0:
            first = value[position : position + size]
        position += _padded(size)
    return first, position


def _padded(size: int) -> int:
    return size + (-size % 4)


def _string(raw: bytes, kind: int, content: TnefContent) -> str:
    if kind == _STRING_16:
        return raw.decode("utf-16-le", "replace").rstrip("\x00")
    return _string_8(raw, content)


def _string_8(raw: bytes, content: TnefContent) -> str:
    return charsets.decode(raw.rstrip(b"\x00"), content.code_page)
