"""What is told: the names of things that happen, and the body of a call.

The shapes are those of the API, so that one program reads both. A body is put together when it is
sent, of what the webhook's agent may see at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import DateTimeField

from conversations.api.customers import CustomerOut
from conversations.api.entries import EntryOut, told
from conversations.api.shown import TicketOut
from conversations.models import Entry
from conversations.thread import database_now

if TYPE_CHECKING:
    from datetime import datetime

    from channels_inbox.models import WebhookCall
    from conversations.models import Agent

TEST: Final = "test"
# Characters of a text. A longer one is cut, and to be had whole from the API.
TEXT_MOST: Final = 100_000

# As `webhook_type` in the database calls them; what is missing here is told to those who take all.
TYPES: Final = {
    _("Messages and notes"): {
        "message.received": _("A customer wrote"),
        "message.sent": _("Somebody answered a customer"),
        "note.added": _("Somebody left a note"),
        "call.added": _("There was a call, or somebody noted one"),
        "ticket.moved": _("A message was moved here"),
        "ticket.reacted": _("A customer reacted to a message"),
        "ticket.unreacted": _("A customer took a reaction back"),
    },
    _("A conversation's course"): {
        "ticket.opened": _("It was opened"),
        "ticket.pending": _("It waits for the customer"),
        "ticket.snoozed": _("It was snoozed"),
        "ticket.woke": _("It woke"),
        "ticket.resolved": _("It was resolved"),
        "ticket.reopened": _("It was opened again"),
        "ticket.renamed": _("Its subject was changed"),
    },
    _("Who owns it"): {
        "ticket.taken": _("Somebody took it"),
        "ticket.assigned": _("It was assigned"),
        "ticket.released": _("It was given back to its team"),
        "ticket.moved_team": _("It went to another team"),
        "ticket.offered": _("It was offered"),
        "ticket.offer_accepted": _("An offer was accepted"),
        "ticket.offer_declined": _("An offer was declined"),
        "ticket.offer_recalled": _("An offer was taken back"),
        "ticket.offer_expired": _("An offer was not answered in time"),
        "ticket.offer_withdrawn": _("An offer ended by something else"),
        "ticket.returned": _("It went back to who offered it"),
        "ticket.lent": _("It was handed to the assistant"),
        "ticket.answer_discarded": _("An answer of the assistant came too late"),
    },
    _("What was promised"): {
        "ticket.promised": _("Something was promised"),
        "ticket.promise_due": _("A promise is due soon"),
        "ticket.promise_kept": _("A promise was kept"),
        "ticket.promise_kept_late": _("A promise was kept too late"),
        "ticket.promise_broken": _("A promise was broken"),
        "ticket.promise_withdrawn": _("A promise is no longer needed"),
        "ticket.promise_put_off": _("A promise got another time"),
    },
    _("How messages fared"): {
        "ticket.not_sent": _("A message could not be sent"),
        "ticket.sent_again": _("A message was sent again"),
        "ticket.confirmed_sent": _("A message did arrive after all"),
        "ticket.given_up": _("A message was given up"),
        "ticket.bounced": _("A mail came back"),
        "ticket.delayed": _("A mail is delayed"),
    },
    _("Who the customer is"): {
        "ticket.address_claimed": _("A visitor named an address"),
        "ticket.code_made": _("A code to go on elsewhere was given"),
        "ticket.resumed": _("A customer went on elsewhere by a code"),
        "ticket.resumed_apart": _("Somebody signed in as another one had a code"),
        "ticket.match_dismissed": _("A possible match was dismissed"),
    },
}
LABELS: Final = {name: label for group in TYPES.values() for name, label in group.items()}


def body_of(call: WebhookCall, agent: Agent) -> bytes | None:
    """The body of a call, or None when the agent may not see now what it tells."""
    seen = Entry.objects.visible_to(agent).with_people().select_related("conversation__customer")
    entry = seen.filter(pk=call.entry_id, ticket__isnull=False).first()
    if entry is None:
        return None
    cut = len(entry.text) > TEXT_MOST
    entry.text = entry.text[:TEXT_MOST]
    shown: Any = EntryOut(told([entry])[0]).data
    for file in shown["files"]:
        file["url"] = settings.BASE_URL + reverse("api:content", args=[file["id"]])
    data = {
        "entry": {**shown, "text_is_cut": cut},
        "ticket": TicketOut(entry.ticket).data,
        "customer": CustomerOut(entry.conversation).data,
    }
    return _body(call.type, entry.at, data)


def test_body(agent: Agent) -> bytes:
    return _body(TEST, database_now(), {"by": str(agent)})


def _body(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    when = DateTimeField().to_representation(at)
    rendered: bytes = JSONRenderer().render({"type": kind, "timestamp": when, "data": data})
    return rendered
