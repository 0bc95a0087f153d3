"""Files of our messages for providers that fetch them: by addresses that hold for an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core import signing
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from conversations.models import Attachment, FileState
from conversations.views.files import LOCKED_DOWN

if TYPE_CHECKING:
    from django.http import HttpRequest

    from conversations.models import Entry

SALT: Final = "outgoing-file"
HOLDS_SECONDS: Final = 3600


def of(entry: Entry) -> list[Attachment]:
    """The files of a message, in their order."""
    rows = entry.attachments.filter(state=FileState.STORED)
    return list(rows.order_by("position", "pk"))


def addresses(entry: Entry) -> list[str]:
    """Where a provider fetches each file of a message."""
    return [settings.BASE_URL + reverse("outgoing-file", args=[_token(row)]) for row in of(entry)]


def content(row: Attachment) -> bytes:
    with default_storage.open(row.storage_key) as file:
        return bytes(file.read())


def _token(row: Attachment) -> str:
    return signing.dumps(str(row.public_id), salt=SALT)


@csrf_exempt
@require_safe
def outgoing_file(request: HttpRequest, token: str) -> FileResponse:
    """A file of a message on its way out, by its own type, which providers look at; the signature
    stands for who asks."""
    try:
        public_id = signing.loads(token, salt=SALT, max_age=HOLDS_SECONDS)
    except signing.BadSignature:
        raise Http404 from None
    row = Attachment.objects.filter(
        public_id=public_id, state=FileState.STORED, entry__direction="out"
    ).first()
    if row is None:
        raise Http404
    return FileResponse(
        default_storage.open(row.storage_key),
        filename=row.filename,
        content_type=row.content_type,
        headers=LOCKED_DOWN,
    )
