"""Files of a mail: which ones we keep apart, and where their bytes are read again."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.translation import gettext_noop

from channels_inbox.email.isolated import IsolatedParser
from channels_inbox.models import Envelope
from channels_inbox.receive import body_of
from channels_inbox.refusals import runs_code
from conversations.attachments import safe_name
from conversations.intake import InboundFile

if TYPE_CHECKING:
    from channels_inbox.email.mail import AttachmentInfo
    from conversations.models import Attachment

REFUSALS: Final = {
    "too_large": gettext_noop("Too large to keep apart; it is in the original mail"),
    "runs_code": gettext_noop("A program; it is only in the original mail"),
}


@cache
def parser() -> IsolatedParser:
    """This process's parser children, started on first use."""
    return IsolatedParser()


def inbound_file(envelope: Envelope, index: int, info: AttachmentInfo) -> InboundFile:
    filename = safe_name(info.filename)
    return InboundFile(
        filename=filename,
        content_type=info.content_type,
        size=info.size,
        source=f"envelope:{envelope.pk}:{index}",
        sha256=info.sha256,
        inline=info.inline,
        content_id=info.content_id,
        refused=_refused(filename, info.size),
    )


def read_file(attachment: Attachment) -> bytes:
    """The decoded bytes of a mail's attachment. Raises ValueError, IndexError or ParserKilled."""
    kind, envelope_id, index = attachment.source.split(":")
    if kind != "envelope":
        raise ValueError(attachment.source)
    envelope = Envelope.objects.get(pk=int(envelope_id))
    return parser().extract(body_of(envelope), int(index))


def _refused(filename: str, size: int) -> str:
    if size > settings.ATTACHMENT_MAX_BYTES:
        return "too_large"
    return "runs_code" if runs_code(filename) else ""
