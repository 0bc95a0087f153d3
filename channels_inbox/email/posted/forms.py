"""Forms with files in them, as mail providers post them."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from typing import TYPE_CHECKING

from channels_inbox.calls import pairs
from channels_inbox.email.posted.mail import File
from channels_inbox.events import Unreadable
from channels_inbox.payloads import clean

if TYPE_CHECKING:
    from channels_inbox.calls import Call


@dataclass(frozen=True)
class Form:
    fields: dict[str, bytes]
    files: dict[str, File]

    def text(self, name: str, charset: str = "utf-8") -> str:
        raw = self.fields.get(name, b"")
        try:
            return clean(raw.decode(charset, "replace"))
        except (LookupError, ValueError):
            return clean(raw.decode("utf-8", "replace"))


def read(call: Call) -> Form:
    """Raises Unreadable."""
    content_type = call.header("Content-Type")
    if content_type.lower().startswith("multipart/form-data"):
        return _multipart(content_type, call.body)
    try:
        found = pairs(call.body, strict=True)
    except ValueError:
        raise Unreadable("the body is not a form") from None
    return Form({name: value.encode("utf-8", "surrogateescape") for name, value in found}, {})


def _multipart(content_type: str, body: bytes) -> Form:
    head = " ".join(content_type.split()).encode("utf-8", "replace")
    form = Form({}, {})
    try:
        whole = BytesParser().parsebytes(b"Content-Type: " + head + b"\r\n\r\n" + body)
        for part in whole.walk():
            name = part.get_param("name", header="Content-Disposition")
            if isinstance(name, str) and not part.is_multipart():
                _add(form, name, part)
    # The standard library's parser raises these on broken parameters and deep nesting.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Unreadable("the body is not a form") from None
    if not whole.is_multipart():
        raise Unreadable("the body is not a form")
    return form


def _add(form: Form, name: str, part: Message) -> None:
    """A file is what names one, as in browsers."""
    content = part.get_payload(decode=True)
    content = content if isinstance(content, bytes) else b""
    filename = part.get_filename()
    if filename is None:
        form.fields.setdefault(name, content)
    else:
        form.files[name] = File(content, filename, part.get_content_type())
