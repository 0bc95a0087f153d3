"""Machine-readable delivery reports: RFC 3464 parts, wherever a relay has put them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from channels_inbox.email.notices.mail_headers import (
    content_type,
    first_address,
    header,
    header_names,
    header_values,
    lines_of,
)

_MAX_PARTS = 200
_MAX_CHILDREN = 500
_MAX_BLOCK_CHARS = 10_000
# The `global` forms are those of internationalised mail (RFC 6533).
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED_MAIL_TYPES = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}
)
_XTEXT_OCTET = re.compile(r"\+([0-9A-F]{2})")
_UNICODE_OCTET = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
# The address as we wrote it beats the one an alias at the other end made of it.
_RECIPIENT_FIELDS = ("original-recipient", "final-recipient", "x-actual-recipient")

_FIELDS = (*_RECIPIENT_FIELDS, "action", "status")
_FIELD = re.compile(rf"^\s{{0,8}}({'|'.join(_FIELDS)})\s{{0,4}}:(.*)$", re.I)
_END_OF_BLOCK = ("", "")

_NOT_A_FAILURE = frozenset({"delivered", "relayed", "expanded"})


@dataclass(frozen=True)
class RecipientStatus:
    address: str
    action: str
    status: str

    @property
    def is_delayed(self) -> bool:
        return self.action == "delayed" or (not self.action and self.status.startswith("4"))

    @property
    def is_failed(self) -> bool:
        return not self.is_delayed and self.action not in _NOT_A_FAILURE


def own_parts(message: Message) -> Iterator[Message]:
    """Parts of this mail itself, not those of a mail it carries as an attachment."""
    waiting = [message]
    seen = 0
    while waiting and seen < _MAX_PARTS:
        part = waiting.pop(0)
        seen += 1
        yield part
        if content_type(part).startswith("multipart/"):
            waiting.extend(_children(part))


def returned_mail(message: Message) -> Message | None:
    """The undelivered mail, or what is left of it, that the report carries."""
    for part in own_parts(message):
        if content_type(part) in _RETURNED_MAIL_TYPES:
            for child in _children(part):
                return child
            return _parsed_headers(payload_text(part))
    return None


def has_delivery_status(message: Message) -> bool:
    return any(content_type(part) in _STATUS_TYPES for part in own_parts(message))


def recipient_statuses(message: Message, text: str) -> list[RecipientStatus]:
    """Per-recipient results; gateways that flatten reports leave the same fields in the text."""
    statuses: list[RecipientStatus] = []
    for part in own_parts(message):
        if content_type(part) in _STATUS_TYPES:
            statuses += _statuses_in_part(part)
    return statuses or _statuses_in_text(text)


def payload_text(part: Message) -> str:
    """The undivided payload of a part, readable whatever its claimed encoding is."""
    try:
        payload = part.get_payload(decode=True)
    except Exception:  # the stdlib decoders raise several undocumented kinds
        payload = None
    if isinstance(payload, bytes):
        return payload.decode("utf-8", "replace")
    return ""


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    return [child for child in payload[:_MAX_CHILDREN] if isinstance(child, Message)]


def _statuses_in_part(part: Message) -> list[RecipientStatus]:
    blocks = _children(part)
    if not blocks:
        return _statuses_in_text(payload_text(part))
    fields = [field for block in blocks for field in (*_fields_of(block), _END_OF_BLOCK)]
    return _grouped(fields) or _statuses_in_text(_decoded_blocks(part, blocks))


def _fields_of(block: Message) -> Iterator[tuple[str, str]]:
    values = {name: iter(header_values(block, name)) for name in _FIELDS}
    for name in header_names(block):
        if name in values:
            yield name, next(values[name])


def _decoded_blocks(part: Message, blocks: list[Message]) -> str:
    """The stdlib splits an encoded report into blocks without decoding it first."""
    text = "\n".join(payload_text(block)[:_MAX_BLOCK_CHARS] for block in blocks)
    encoding = header(part, "Content-Transfer-Encoding").lower()
    if encoding not in {"base64", "quoted-printable"}:
        return text
    encoded = Message()
    encoded["Content-Transfer-Encoding"] = encoding
    encoded.set_payload(text)
    return payload_text(encoded)


def _statuses_in_text(text: str) -> list[RecipientStatus]:
    found = ((line, _FIELD.match(line)) for line in lines_of(text))
    return _grouped(
        [
            (match.group(1).lower(), match.group(2).strip()) if match else _END_OF_BLOCK
            for line, match in found
            if match or not line.strip()
        ]
    )


def _grouped(fields: list[tuple[str, str]]) -> list[RecipientStatus]:
    """Recipients are told apart by blank lines or, where those got lost, by repetition."""
    statuses: list[RecipientStatus] = []
    group: dict[str, str] = {}
    for name, value in (*fields, _END_OF_BLOCK):
        if not name or name in group:
            if any(group.get(field) for field in _RECIPIENT_FIELDS):
                statuses.append(_status_of(group))
            group = {}
        if name:
            group[name] = value
    return statuses


def _status_of(group: dict[str, str]) -> RecipientStatus:
    candidates = (_recipient(group.get(name, "")) for name in _RECIPIENT_FIELDS)
    return RecipientStatus(
        address=next((address for address in candidates if address), ""),
        action=group.get("action", "").lower().split(" ")[0].strip(";"),
        status=group.get("status", ""),
    )


def _recipient(value: str) -> str:
    """`rfc822; user@host`, without the type, in brackets, or encoded (RFC 3461, RFC 6533)."""
    _, separator, address = value.partition(";")
    address = address if separator else value
    if "@" not in address:
        address = _XTEXT_OCTET.sub(_octet, address)
    return first_address(_UNICODE_OCTET.sub(_octet, address))


def _octet(found: re.Match[str]) -> str:
    code = int(found.group(1), 16)
    return chr(code) if code < 0x110000 else ""


def _parsed_headers(text: str) -> Message:
    parsed = Message()
    for line in lines_of(text):
        name, separator, value = line.partition(":")
        if not line.strip():
            break
        if separator and name.isascii() and name.replace("-", "").isalnum():
            parsed.add_header(name, value.strip())
    return parsed
