"""Files: their bytes are stored by tries of their own, apart from the message they came with."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from conversations.errors import BadInput
from conversations.models import Attachment, FileState
from conversations.thread import database_now, locked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.core.files.uploadedfile import UploadedFile

    from conversations.models import Agent

MAX_ATTEMPTS = 8
# Few at a time under a short lease: what a killed worker held waits no longer than that.
BATCH = 4
LEASE = timedelta(seconds=30)


def upload(file: UploadedFile[Any], *, by: Agent) -> Attachment:
    """Keep a file chosen for a message not sent yet. Raises BadInput past the size limit."""
    if (file.size or 0) > settings.ATTACHMENT_MAX_BYTES:
        raise BadInput(
            _("%(name)s is larger than %(limit)s MB. Send a link instead.")
            % {"name": file.name, "limit": settings.ATTACHMENT_MAX_BYTES // 1_000_000}
        )
    content = file.read()
    return Attachment.objects.create(
        uploaded_by=by,
        filename=safe_name(file.name or ""),
        content_type=(file.content_type or "application/octet-stream")[:150],
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        storage_key=store(content),
        state=FileState.STORED,
    )


def store(content: bytes) -> str:
    """Put bytes into storage under a random key; the name a person gave never becomes a path."""
    key = uuid4().hex
    return default_storage.save(f"attachments/{key[:2]}/{key}", ContentFile(content))


def store_waiting(read: Callable[[Attachment], bytes]) -> int:
    """Store the files that wait; `read` brings the bytes from the source. Returns how many."""
    stored = 0
    while waiting := _claim():
        stored += sum(_store_one(attachment, read) for attachment in waiting)
    return stored


def _claim() -> Sequence[Attachment]:
    """Take some for this worker: another one finds them due again only if it dies."""
    with transaction.atomic():
        now = database_now()
        due = Attachment.objects.filter(state=FileState.PENDING, next_at__lte=now)
        ids = list(
            due.order_by("next_at")
            .select_for_update(skip_locked=True, no_key=True, of=("self",))
            .values_list("pk", flat=True)[:BATCH]
        )
        Attachment.objects.filter(pk__in=ids).update(next_at=now + LEASE)
    return list(Attachment.objects.select_related("entry").filter(pk__in=ids))


def _store_one(attachment: Attachment, read: Callable[[Attachment], bytes]) -> bool:
    try:
        content = read(attachment)
        key = store(content)
    except Exception as error:  # noqa: BLE001 - whatever broke, the message stays and the file is tried again
        _postpone(attachment, f"{type(error).__name__}: {error}")
        return False
    _keep(attachment, key, content)
    return True


def _keep(attachment: Attachment, key: str, content: bytes) -> None:
    assert attachment.entry is not None
    with locked(attachment.entry.origin_id) as thread:
        fresh = Attachment.objects.get(pk=attachment.pk)
        if fresh.state != FileState.PENDING:
            return
        fresh.storage_key, fresh.state, fresh.next_at = key, FileState.STORED, None
        fresh.size, fresh.sha256 = len(content), hashlib.sha256(content).hexdigest()
        thread.stamp(fresh, "storage_key", "state", "next_at", "size", "sha256")


def _postpone(attachment: Attachment, reason: str) -> None:
    assert attachment.entry is not None
    with locked(attachment.entry.origin_id) as thread:
        fresh = Attachment.objects.get(pk=attachment.pk)
        fresh.attempts += 1
        fresh.reason = reason[:300]
        if fresh.attempts >= MAX_ATTEMPTS:
            fresh.state, fresh.next_at = FileState.FAILED, None
        else:
            fresh.next_at = thread.now + timedelta(seconds=2**fresh.attempts)
        thread.stamp(fresh, "attempts", "reason", "state", "next_at")


def retry(attachment: Attachment) -> None:
    """Try a failed file again."""
    assert attachment.entry is not None
    with locked(attachment.entry.origin_id) as thread:
        fresh = Attachment.objects.get(pk=attachment.pk)
        if fresh.state == FileState.FAILED:
            fresh.state, fresh.attempts, fresh.next_at = FileState.PENDING, 0, thread.now
            thread.stamp(fresh, "state", "attempts", "next_at")


def safe_name(name: str) -> str:
    """A file name that is only a name: no path, no control or direction-changing characters."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    hidden = dict.fromkeys(
        [
            *range(32),
            127,
            *range(0x202A, 0x202F),
            *range(0x2066, 0x206A),
            *range(0x200B, 0x2010),
            0xFEFF,
        ]
    )
    return base.translate(hidden).strip(" .")[:255] or "file"
