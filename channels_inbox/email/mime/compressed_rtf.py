"""Microsoft's LZ-compressed RTF, the body format inside TNEF."""

from __future__ import annotations

import struct
from typing import Final

from channels_inbox.email.mime.limits import MAX_RTF_BYTES

_COMPRESSED: Final = b"LZFu"
_UNCOMPRESSED: Final = b"MELA"
_HEADER_BYTES: Final = 16
_WINDOW: Final = 4096
_START: Final = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def decompress_rtf(data: bytes) -> bytes:
    """The RTF text. b'' for an unknown format; a damaged end or the size limit cuts it short."""
    if len(data) < _HEADER_BYTES:
        return b""
    size, kind = struct.unpack_from("<4xI4s4x", data)
    size = min(size, MAX_RTF_BYTES)
    if kind == _UNCOMPRESSED:
        return data[_HEADER_BYTES : _HEADER_BYTES + size]
    return _decompress(data, size) if kind == _COMPRESSED else b""


def _decompress(data: bytes, size: int) -> bytes:
    out = bytearray(_START)
    position = _HEADER_BYTES
    limit = len(_START) + size
    while position < len(data) and len(out) < limit:
        flags = data[position]
        position += 1
        for bit in range(8):
            if flags >> bit & 1:
                if not _copy_back(out, data[position : position + 2]):
                    return bytes(out[len(_START) : limit])
                position += 2
            else:
                out += data[position : position + 1]
                position += 1
    return bytes(out[len(_START) : limit])


def _copy_back(out: bytearray, reference: bytes) -> bool:
    """Append what a two-byte reference points at; False at the end mark or damage."""
    if len(reference) < 2:
        return False
    word = reference[0] << 8 | reference[1]
    distance = (len(out) - (word >> 4)) % _WINDOW
    if distance == 0 or distance > len(out):
        return False
    for _ in range((word & 15) + 2):
        out.append(out[-distance])
    return True
