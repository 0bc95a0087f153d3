"""A parsed mail as bytes and back. JSON, because reading it can't run what a hostile mail made."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from channels_inbox.email.mail import Address, AttachmentInfo, ParsedMail

_FIELDS: Final = tuple(ParsedMail.__dataclass_fields__)
_ATTACHMENT_FIELDS: Final = tuple(AttachmentInfo.__dataclass_fields__)
_ADDRESS_LISTS: Final = ("to", "cc", "reply_to")
_ADDRESSES: Final = ("from_", "original_sender")
_STRING_LISTS: Final = (
    "references",
    "failed_recipients",
    "authentication_results",
    "delivered_to",
    "problems",
)


def pack(parsed: ParsedMail) -> bytes:
    """The JSON bytes that `unpack` reads."""
    values = {name: getattr(parsed, name) for name in _FIELDS}
    values["date"] = parsed.date.isoformat() if parsed.date else None
    for name in _ADDRESSES:
        address: Address | None = values[name]
        values[name] = address and (address.name, address.address)
    for name in _ADDRESS_LISTS:
        values[name] = [(one.name, one.address) for one in values[name]]
    values["attachments"] = [
        [getattr(one, name) for name in _ATTACHMENT_FIELDS] for one in parsed.attachments
    ]
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")


def unpack(data: bytes) -> ParsedMail:
    """The mail that `pack` wrote. Raises ValueError, TypeError or KeyError for anything else."""
    values: dict[str, Any] = json.loads(data)
    values["date"] = datetime.fromisoformat(values["date"]) if values["date"] else None
    for name in _ADDRESSES:
        values[name] = Address(*values[name]) if values[name] else None
    for name in _ADDRESS_LISTS:
        values[name] = tuple(Address(*one) for one in values[name])
    for name in _STRING_LISTS:
        values[name] = tuple(values[name])
    values["attachments"] = tuple(AttachmentInfo(*one) for one in values["attachments"])
    return ParsedMail(**values)
