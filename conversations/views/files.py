"""Files of messages: choosing, downloading, pictures inside HTML, trying again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.core import signing
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from conversations import attachments, pictures
from conversations.errors import BadInput
from conversations.models import Attachment, FileState
from conversations.permissions import attachment_for
from conversations.views import safe_html
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket, done

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from conversations.views.access import AgentRequest

LINK_SECONDS = 300
LOCKED_DOWN = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


@require_POST
@for_agents
def upload(request: AgentRequest) -> HttpResponse:
    """Keep a file for a message that is being written; answers with its row in the composer."""
    chosen = request.FILES.get("upload")
    if chosen is None:
        raise BadInput(_("Choose a file first."))
    file = attachments.upload(chosen, by=request.user)
    return render(request, "_partials/chosen_file.html", {"file": file})


@require_GET
@for_agents
def download(request: AgentRequest, public_id: UUID) -> HttpResponseBase:
    """A file to keep, never to run: always a download, unless it is a picture, drawn anew."""
    file = attachment_for(request.user, public_id)
    if file.state != FileState.STORED:
        raise Http404
    if "show" in request.GET and (picture := pictures.drawn(file.storage_key)):
        return picture_of(picture)
    return download_of(file)


@require_GET
def inline(request: HttpRequest, token: str) -> HttpResponse:
    """A picture inside a message's HTML, for minutes; the signature stands for the sign-in."""
    try:
        public_id = signing.loads(token, salt=safe_html.SALT, max_age=LINK_SECONDS)
    except signing.BadSignature:
        raise Http404 from None
    file = Attachment.objects.filter(public_id=public_id, state=FileState.STORED).first()
    picture = pictures.drawn(file.storage_key) if file else None
    if picture is None:
        raise Http404
    response = picture_of(picture)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@require_POST
@for_agents
def retry(request: AgentRequest, public_id: UUID) -> HttpResponse:
    """Try to store a file again that could not be stored."""
    file = attachment_for(request.user, public_id)
    if file.entry is None or file.entry.ticket is None:
        raise Http404
    attachments.retry(file)
    return done(request, at_ticket(file.entry.ticket), _("Trying again."))


def picture_of(picture: bytes) -> HttpResponse:
    """One drawn anew, to be shown."""
    return HttpResponse(picture, content_type="image/webp", headers=LOCKED_DOWN)


def download_of(file: Attachment) -> FileResponse:
    """A file to keep, never to run. Raises Http404 when its bytes are gone."""
    try:
        stream = default_storage.open(file.storage_key)
    except pictures.NOT_THERE:
        raise Http404 from None
    return FileResponse(
        stream,
        as_attachment=True,
        filename=file.filename,
        content_type="application/octet-stream",
        headers=LOCKED_DOWN,
    )
