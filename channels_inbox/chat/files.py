"""Files of a chat as its window gets them: by addresses of minutes, pictures to look at, all else
to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.core import signing
from django.http import Http404
from django.urls import reverse

from conversations import pictures
from conversations.models import Attachment, FileState
from conversations.views.files import download_of, picture_of

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from channels_inbox.chat.requests import Knock

SALT: Final = "chat-file"
LINK_SECONDS: Final = 300


def address(row: Attachment, key: str) -> str:
    """Where the window gets a file, for some minutes."""
    signature = signing.TimestampSigner(salt=SALT).sign(f"{key}:{row.public_id}")
    path = reverse("chat:file", args=[key, row.public_id])
    return f"{path}?sig={signature.partition(str(row.public_id))[2].lstrip(':')}"


def answer(knock: Knock, public_id: UUID) -> HttpResponseBase:
    """The file of a signed address; a picture is shown, drawn anew, all else downloads."""
    asked = knock.request.GET
    row = _signed(asked.get("sig", ""), knock.key, public_id)
    picture = None if "keep" in asked else _picture(knock, row)
    if picture is not None:
        return picture_of(picture)
    return download_of(row)


def _picture(knock: Knock, row: Attachment) -> bytes | None:
    if pictures.shape(row.storage_key) and not pictures.is_drawn(row.storage_key):
        knock.count("draw")
    return pictures.drawn(row.storage_key)


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
