"""An agent gives a customer a code to go on elsewhere: sent to an address, or read out."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from channels_inbox.chat import resuming
from conversations import codes, replies
from conversations.errors import DomainError
from conversations.going_out import Outgoing
from conversations.middleware import status_of
from conversations.models import Conversation
from conversations.models.identities import SHOWN_BY_US
from conversations.permissions import ticket_for
from conversations.templatetags.desk import channel_name
from conversations.views.access import AgentRequest, for_agents
from conversations.views.answers import at_ticket, done
from conversations.views.composing import ways_out

if TYPE_CHECKING:
    from conversations.models import Identity, Inbox, Ticket

SPOKEN = "spoken"


class CodeForm(forms.Form):
    """`way` is an address and the inbox it is written to from ("3:9"), or "spoken"."""

    way = forms.ChoiceField(label=_("How they get it"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("How do you know that it is them?"),
        required=False,
        max_length=300,
        help_text=_("Only for a code that is read out: it joins on your word alone."),
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    client_token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, ways: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["way"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [*ways.items(), (SPOKEN, gettext("I read it out on the phone"))]


@never_cache
@require_http_methods(["GET", "POST"])
@for_agents
def offer(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk, to="act")
    chat = resuming.chat_for(ticket)
    pairs = _pairs(ticket)
    form = CodeForm(
        request.POST or None,
        ways={
            key: f"{channel_name(inbox.kind)} · {to.shown}" for key, (to, inbox) in pairs.items()
        },
        initial={"seen": _head(ticket), "client_token": uuid.uuid4(), "way": next(iter(pairs), "")},
    )
    problem: DomainError | None = None
    shown = {"ticket": ticket, "form": form, "ready": bool(chat) and not ticket.restriction}
    if request.method == "POST" and chat and form.is_valid():
        told = form.cleaned_data
        try:
            if told["way"] == SPOKEN:
                code = codes.make(ticket, by=request.user, reason=told["reason"])
                return render(request, "codes/offer.html", {**shown, "code": codes.shown(code)})
            _send(request, ticket, chat, *pairs[told["way"]], told)
            return done(request, at_ticket(ticket), gettext("The code is on its way."))
        except DomainError as refusal:
            problem = refusal
    status = status_of(problem) if problem else 422 if form.errors else 200
    return render(request, "codes/offer.html", {**shown, "problem": problem}, status=status)


def _send(
    request: AgentRequest,
    ticket: Ticket,
    chat: Inbox,
    to: Identity,
    inbox: Inbox,
    told: dict[str, Any],
) -> None:
    """Code and message come to be together, or neither."""
    with transaction.atomic():
        code = codes.make(ticket, by=request.user, to=to)
        text = resuming.words(chat, code, ticket.conversation.customer.language)
        replies.reply(
            ticket,
            by=request.user,
            outgoing=Outgoing(text, to.pk, inbox.pk, subject=ticket.subject),
            seen_head=told["seen"],
            client_token=told["client_token"],
        )


def _pairs(ticket: Ticket) -> dict[str, tuple[Identity, Inbox]]:
    """Each address that can be written to, with the first inbox that does. A window of ours is
    where they would go on."""
    identities, inboxes = ways_out(ticket)
    found: dict[str, tuple[Identity, Inbox]] = {}
    for identity in identities:
        inbox = next((row for row in inboxes if row.writes_to(identity)), None)
        if inbox and identity.kind not in SHOWN_BY_US and not identity.undeliverable_at:
            found[f"{identity.pk}:{inbox.pk}"] = (identity, inbox)
    return found


def _said(to: Identity, inbox: Inbox) -> str:
    return f"{channel_name(inbox.kind)} · {to.shown}"


def _head(ticket: Ticket) -> int:
    return Conversation.objects.values_list("head", flat=True).get(pk=ticket.conversation_id)
