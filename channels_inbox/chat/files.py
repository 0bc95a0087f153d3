"""Files of a chat as its window gets them: by addresses of minutes, pictures to look at, all else
to keep."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.core import signing
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404
from django.urls import reverse
from PIL import Image, UnidentifiedImageError

from conversations.models import Attachment, FileState

if TYPE_CHECKING:
    from django.http import HttpRequest

SALT: Final = "chat-file"
LINK_SECONDS: Final = 300
KINDS: Final = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
}
MOST_PIXELS: Final = 50_000_000
LOCKED_DOWN: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Picture:
    """A picture by its own bytes, whatever it is called. Pixels."""

    kind: str
    width: int
    height: int


def address(row: Attachment, key: str) -> str:
    """Where the window gets a file, for some minutes."""
    signature = signing.TimestampSigner(salt=SALT).sign(f"{key}:{row.public_id}")
    path = reverse("chat:file", args=[key, row.public_id])
    return f"{path}?sig={signature.partition(str(row.public_id))[2].lstrip(':')}"


def answer(request: HttpRequest, key: str, public_id: UUID) -> FileResponse:
    """The file of a signed address; a picture of the plain kinds is shown, all else downloads."""
    row = _signed(request.GET.get("sig", ""), key, public_id)
    picture_of = picture(row.storage_key)
    kind = picture_of.kind if picture_of else "application/octet-stream"
    try:
        stream = default_storage.open(row.storage_key)
    except FileNotFoundError:
        raise Http404 from None
    download = picture_of is None or "keep" in request.GET
    response = FileResponse(
        stream, as_attachment=download, filename=row.filename, content_type=kind
    )
    for name, value in LOCKED_DOWN.items():
        response.headers[name] = value
    return response


@lru_cache(maxsize=4096)
def picture(storage_key: str) -> Picture | None:
    """What its first bytes say; None for what is no picture we show. Stored files never change."""
    try:
        with default_storage.open(storage_key) as stream, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(stream, formats=tuple(KINDS)) as image:
                width, height = image.size
                kind = KINDS[str(image.format)]
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, KeyError, Warning):
        return None
    except Image.DecompressionBombError:
        return None
    return Picture(kind, width, height) if width * height <= MOST_PIXELS else None


def _signed(signature: str, key: str, public_id: UUID) -> Attachment:
    told: dict[str, Any] = {"max_age": LINK_SECONDS}
    try:
        signing.TimestampSigner(salt=SALT).unsign(f"{key}:{public_id}:{signature}", **told)
    except signing.BadSignature:
        raise Http404 from None
    row = Attachment.objects.filter(
        public_id=public_id,
        state=FileState.STORED,
        entry__withdrawn_at=None,
        entry__public_rev__isnull=False,
        entry__inbox__public_id=key,
    ).first()
    if row is None:
        raise Http404
    return row
