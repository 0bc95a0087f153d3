"""Bytes to text, whatever the label says: aliases, wrong labels, Vietnamese sets, tricks."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from channels_inbox.email.mime.vietnamese import TCVN, VISCII

# Labels in the wild, mapped to the codec that reads their real-world superset.
_ALIASES: Final = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "646": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "dos-874": "cp874",
    "iso-8859-6-e": "iso8859-6",
    "iso-8859-6-i": "iso8859-6",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "x-utf-8": "utf-8",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cn-gb": "gb18030",
    "euc-cn": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "windows-936": "gb18030",
    "big5": "cp950",
    "big5-eten": "cp950",
    "cn-big5": "cp950",
    "x-x-big5": "cp950",
    "ks_c_5601": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601-1989": "cp949",
    "ksc5601": "cp949",
    "ks-c-5601-1987": "cp949",
    "euc-kr": "cp949",
    "x-windows-949": "cp949",
    "windows-949": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-2022-jp-1": "iso2022_jp_ext",
    "iso-2022-jp-ms": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "koi8": "koi8-r",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-cp1251": "cp1251",
}
_REFUSED_LABEL: Final = re.compile(r"utf-?7|unicode-1-1-utf-7|csunicode11utf7|utf-7-imap")
# Codecs such as punycode, idna or unicode_escape are no character sets and some are quadratic.
_ALLOWED_CODEC: Final = re.compile(
    r"utf-(8|8-sig|16|16-le|16-be|32|32-le|32-be)|cp\d+|iso8859-\d+|iso2022_\w+|koi8-\w|kz1048|"
    r"ptcp154|gb18030|hz|big5hkscs|euc_\w+|euc_jis_2004|shift_jis\w*|johab|mac-\w+|tis-620|hp-roman8"
)
_MULTI_BYTE: Final = frozenset({"gb18030", "cp950", "cp949", "cp932", "euc_jp", "big5hkscs", "hz"})
_TABLES: Final = {
    "viscii": VISCII,
    "csviscii": VISCII,
    "viscii1.1-1": VISCII,
    "tcvn": TCVN,
    "tcvn3": TCVN,
    "x-viet-tcvn": TCVN,
    "x-viet-tcvn5712": TCVN,
    "tcvn-5712": TCVN,
    "tcvn5712-1": TCVN,
    "tcvn5712-1:1993": TCVN,
    "tcvn-5712:1993": TCVN,
}
_ISO_2022_JP_SHIFT: Final = re.compile(rb"\x1b(?:\$[@B]|\([JI]|\$\([DOPQ]|\.A)")


def decode(data: bytes, label: str = "") -> str:
    """The text of `data`. `label` is a hint and may be empty or wrong. Never raises."""
    name = label.strip("\"' \t").lower()
    if _REFUSED_LABEL.fullmatch(name):
        return _guessed(data)
    if (table := _TABLES.get(name)) is not None:
        return _vietnamese(data, lambda raw: raw.decode("latin-1").translate(_translation(table)))
    codec = _codec(name)
    if codec is None:
        return _guessed(data)
    if codec == "cp1258":
        return _vietnamese(data, lambda raw: raw.decode("cp1258", "replace"))
    return _labelled(data, codec)


def is_known(label: str) -> bool:
    """Whether `label` names a character set that is really used to decode."""
    name = label.strip("\"' \t").lower()
    return name in _TABLES or _codec(name) is not None


@lru_cache(maxsize=8)
def _translation(table: str) -> dict[int, str]:
    return dict(enumerate(table))


@lru_cache(maxsize=256)
def _codec(name: str) -> str | None:
    """Python's name of the codec for a lower-case label, or None if unknown or not allowed."""
    if _REFUSED_LABEL.fullmatch(name):
        return None
    try:
        found = codecs.lookup(_ALIASES.get(name, name.split("*")[0])).name
    except (LookupError, ValueError):
        return None
    found = {"ascii": "cp1252", "iso8859-1": "cp1252", "gb2312": "gb18030"}.get(found, found)
    return found if _ALLOWED_CODEC.fullmatch(found) else None


def _vietnamese(data: bytes, read: Callable[[bytes], str]) -> str:
    """Read, then compose: these sets send base letter and tone mark apart."""
    if (text := _as_utf8(data)) is not None:
        return text
    return unicodedata.normalize("NFC", read(data))


def _labelled(data: bytes, codec: str) -> str:
    if codec not in _MULTI_BYTE and codec.startswith(("cp", "iso8859", "koi8", "mac")):
        text = _as_utf8(data)
        if text is not None:
            return text
    try:
        return data.decode(codec)
    except UnicodeError:
        pass
    if codec == "cp1252":
        return _guessed(data)
    if codec == "utf-8":
        return _damaged_utf8(data)
    text = _as_utf8(data)
    return data.decode(codec, "replace") if text is None else text


def _damaged_utf8(data: bytes) -> str:
    """Text said to be UTF-8 that isn't quite; without one good sequence it is some 8-bit set."""
    text = data.decode("utf-8", "replace")
    has_good_part = any(char > "\x7f" and char != "\ufffd" for char in text)
    return text if has_good_part else _guessed(data)


def _as_utf8(data: bytes) -> str | None:
    """The text if `data` is not plain ASCII and is valid UTF-8: by chance that hardly happens."""
    if data.isascii():
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeError:
        return None


def _guessed(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    if _ISO_2022_JP_SHIFT.search(data):
        return data.decode("iso2022_jp_ext", "replace")
    if (text := _as_utf8(data)) is not None:
        return text
    try:
        return data.decode("cp1252")
    except UnicodeError:
        return _mostly_utf8_or_latin(data)


def _mostly_utf8_or_latin(data: bytes) -> str:
    """Damaged UTF-8 shows its good part; anything else is read byte by byte."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return text if damaged * 4 <= sum(char > "\x7f" for char in text) else data.decode("latin-1")
