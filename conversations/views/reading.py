"""What was on an agent's screen, and what they want to come back to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from conversations import reading
from conversations.permissions import conversation_for, ticket_for
from conversations.timeline import parse_cursor
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket, done
from conversations.views.lists import checked_cursor

if TYPE_CHECKING:
    from conversations.views.access import AgentRequest

MOST_TICKETS = 50


@require_POST
@for_agents
def read(request: AgentRequest, pk: int) -> HttpResponse:
    """`upto` for each ticket: "moment,ticket", the `at` of its last entry that was on screen."""
    conversation = conversation_for(request.user, pk)
    told = [checked_cursor(text) for text in request.POST.getlist("upto")[:MOST_TICKETS]]
    upto: dict[int, datetime] = {}
    for at, ticket in map(parse_cursor, filter(None, told)):
        upto[ticket] = max(at, upto.get(ticket, at))
    reading.mark_read(conversation, upto, by=request.user)
    return HttpResponse(status=204)


@require_POST
@for_agents
def unread(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk)
    reading.mark_unread(ticket, by=request.user)
    return done(request, at_ticket(ticket), _("Marked as unread."))
