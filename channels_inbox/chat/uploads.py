"""Files visitors send up: kept first, then hung on the message that names them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Sum

from channels_inbox.chat.models import Upload, Visitor
from channels_inbox.refusals import runs_code
from conversations.attachments import safe_name, store
from conversations.intake import InboundFile
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.files.uploadedfile import UploadedFile

    from conversations.models import Attachment

MAX_FILES: Final = 10
KEPT_FOR: Final = timedelta(days=7)
# What one visitor may have waiting, so that nobody fills the disk with files of no message.
MOST_WAITING: Final = 8
SOURCE: Final = "chat"


class TooLarge(Exception):
    """The file, or all that the visitor has sent up, is more than we take."""


class Program(Exception):
    """The file would run on whoever opens it."""


def most_bytes() -> int:
    return int(settings.ATTACHMENT_MAX_BYTES)


def keep(visitor: Visitor, file: UploadedFile[Any]) -> Upload:
    """Raises TooLarge, Program."""
    if (file.size or 0) > most_bytes() or _waiting(visitor) > MOST_WAITING * most_bytes():
        raise TooLarge
    name = safe_name(file.name or "")
    if runs_code(name):
        raise Program
    content = file.read()
    return Upload.objects.create(
        visitor=visitor,
        filename=name,
        content_type=(file.content_type or "application/octet-stream")[:150],
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        storage_key=store(content),
    )


def of(visitor: Visitor, public_ids: Sequence[str]) -> list[Upload]:
    """A visitor's own files, in the order named."""
    if not public_ids:
        return []
    rows = {str(row.public_id): row for row in visitor.uploads.filter(public_id__in=public_ids)}
    return [rows[name] for name in dict.fromkeys(public_ids) if name in rows]


def inbound_file(row: Upload) -> InboundFile:
    return InboundFile(
        filename=row.filename,
        content_type=row.content_type,
        size=row.size,
        source=f"{SOURCE}:{row.public_id}",
        sha256=row.sha256,
    )


def read_file(attachment: Attachment) -> bytes:
    """Raises Upload.DoesNotExist once it has gone away."""
    row = Upload.objects.get(public_id=attachment.source.partition(":")[2])
    with default_storage.open(row.storage_key) as file:
        return bytes(file.read())


def forget_old() -> int:
    """By now each has its message, with a copy of its own, or will never have one."""
    old = Upload.objects.filter(created_at__lt=database_now() - KEPT_FOR).order_by("created_at")
    rows = list(old[:200])
    for row in rows:
        default_storage.delete(row.storage_key)
        row.delete()
    return len(rows)


def _waiting(visitor: Visitor) -> int:
    rows = visitor.uploads.filter(created_at__gt=database_now() - timedelta(hours=1))
    return int(rows.aggregate(total=Sum("size"))["total"] or 0)
