"""Files of messages: uploaded before they are sent, fetched afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework import serializers

from conversations import attachments
from conversations.api.doors import door
from conversations.api.entries import FileOut
from conversations.api.requests import FORM
from conversations.models import Attachment, FileState, Scope
from conversations.permissions import attachment_for
from conversations.views.files import download_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import FileResponse

    from conversations.api.requests import ApiRequest


class FileIn(serializers.Serializer[Any]):
    file = serializers.FileField(max_length=255, allow_empty_file=True)


@door(Scope.WRITE, takes=FileIn, gives=FileOut, status=201, parser=FORM)
def upload(request: ApiRequest, told: dict[str, Any]) -> Attachment:
    """Upload a file (multipart form data) for a message not sent yet."""
    return attachments.upload(told["file"], by=request.user)


@door(gives=FileOut)
def one(request: ApiRequest, public_id: UUID) -> Attachment:
    """Read about a file."""
    return attachment_for(request.user, public_id)


@door()
def content(request: ApiRequest, public_id: UUID) -> FileResponse:
    """Download a file."""
    file = attachment_for(request.user, public_id)
    if file.state != FileState.STORED:
        raise Http404
    return download_of(file)
