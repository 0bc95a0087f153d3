"""A message exactly as it arrived, for whoever may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET

from channels_inbox.models import Item
from channels_inbox.receive import body_of
from conversations.permissions import entry_for
from conversations.views.access import for_agents

if TYPE_CHECKING:
    from conversations.views.access import AgentRequest


@require_GET
@for_agents
def original(request: AgentRequest, pk: int) -> HttpResponse:
    """The bytes of the envelope an entry came from: always a download, never something to open."""
    entry = entry_for(request.user, pk)
    item = Item.objects.select_related("envelope__inbox").filter(entry=entry).order_by("pk").first()
    if item is None:
        raise Http404
    suffix = "eml" if item.envelope.inbox.kind == "email" else "txt"
    return HttpResponse(
        body_of(item.envelope),
        content_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="message-{entry.pk}.{suffix}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )
