"""One entry: its permalink, the whole of it, and moving it to another matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from conversations import tickets
from conversations.forms.tickets import MoveForm
from conversations.models import EntryBody
from conversations.permissions import entry_for, ticket_for
from conversations.views import feed, safe_html
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket, checked, done, is_scripted
from conversations.views.screen import tickets_of

if TYPE_CHECKING:
    from conversations.models import Entry
    from conversations.views.access import AgentRequest


@require_GET
@for_agents
def permalink(request: AgentRequest, pk: int) -> HttpResponse:
    """An entry's address for ever, whatever conversation shows it today."""
    entry = entry_for(request.user, pk)
    base = reverse("conversations:conversation", args=[entry.conversation_id])
    ticket = f"&ticket={entry.ticket_id}" if entry.ticket_id else ""
    return redirect(f"{base}?entry={pk}{ticket}#entry-{pk}")


@require_GET
@for_agents
def about(request: AgentRequest, pk: int) -> HttpResponse:
    """What one may do with a message and what is known about it: a menu, or a page."""
    entry = entry_for(request.user, pk)
    name = "_partials/message_menu" if is_scripted(request) else "conversations/about"
    return render(request, f"{name}.html", {"row": feed.alone(entry)})


@require_GET
@for_agents
def whole(request: AgentRequest, pk: int) -> HttpResponse:
    """A message as it came: its cleaned HTML, else its text. For a frame that runs nothing."""
    entry = entry_for(request.user, pk)
    if entry.is_event:
        raise Http404
    body = EntryBody.objects.filter(entry=entry).first()
    html = (
        safe_html.cleaned(body.html, entry, remote="pictures" in request.GET)
        if body and body.html and "text" not in request.GET
        else ""
    )
    text = body.full_text if body and body.full_text else entry.text
    response = render(request, "conversations/whole.html", {"html": html, "text": text})
    response.headers["Content-Security-Policy"] = safe_html.policy(request)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@require_http_methods(["GET", "POST"])
@for_agents
def move(request: AgentRequest, pk: int) -> HttpResponse:
    """Put a message under another matter of the same customer, or a new one."""
    entry = entry_for(request.user, pk, to="act")
    if request.method == "GET":
        return _choose_matter(request, entry)
    told: dict[str, Any] = checked(MoveForm(request.POST))
    target = ticket_for(request.user, told["to"], to="act") if told["to"] else None
    moved = tickets.move_entry(entry, to=target, by=request.user)
    if moved.ticket is None:
        raise Http404
    return done(request, at_ticket(moved.ticket), _("Moved."))


def _choose_matter(request: AgentRequest, entry: Entry) -> HttpResponse:
    assert entry.ticket is not None
    others = [
        ticket
        for ticket in tickets_of(entry.conversation, request.user)
        if ticket.pk != entry.ticket_id and ticket.restriction == entry.ticket.restriction
    ]
    return render(request, "conversations/move.html", {"entry": entry, "others": others})
