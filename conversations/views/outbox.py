"""Messages on their way: taking one back, and deciding about one that did not arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from conversations import deliveries, drafts, replies
from conversations.errors import BadInput
from conversations.forms.tickets import DecisionForm
from conversations.models import Conversation, Delivery, HeldState
from conversations.permissions import entry_for, held_for
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket, checked, done

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.views.access import AgentRequest

VERBS = {
    "again": deliveries.send_again,
    "sent": deliveries.known_sent,
    "give_up": deliveries.give_up,
}


@require_POST
@for_agents
def decide(request: AgentRequest, pk: int) -> HttpResponse:
    """Send a failed or doubtful message again, confirm that it arrived, or give it up."""
    entry = entry_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(DecisionForm(request.POST))
    delivery = Delivery.objects.select_related("entry").filter(entry=entry).first()
    if delivery is None or entry.ticket is None:
        raise Http404
    VERBS[told["action"]](delivery, by=request.user)
    return done(request, at_ticket(entry.ticket))


@require_POST
@for_agents
def undo(request: AgentRequest, pk: int) -> HttpResponse:
    """Take a waiting reply back into the composer: it waits, or is there."""
    held = held_for(request.user, pk)
    with transaction.atomic():
        drafts.bring_back(replies.undo(held))
    return done(request, at_ticket(held.ticket), _("Taken back. Your text is in the composer."))


@require_POST
@for_agents
def send_anyway(request: AgentRequest, pk: int) -> HttpResponse:
    """Send a reply that something new had stopped, now that its author has read it."""
    held = held_for(request.user, pk)
    text = request.POST.get("seen", "")
    now = Conversation.objects.values_list("head", flat=True).get(pk=held.ticket.conversation_id)
    seen = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else now
    replies.send_held(held, seen_head=seen)
    held.refresh_from_db()
    if held.state == HeldState.STOPPED:
        raise BadInput(_("Something newer came in. Read it, then decide again."))
    return done(request, at_ticket(held.ticket), _("Sent."))
