"""Writing to somebody first."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from conversations import attachments, outreach
from conversations.errors import DomainError
from conversations.forms.writing import NewMessageForm
from conversations.going_out import ClaimedAddress
from conversations.middleware import status_of
from conversations.models import Inbox, Membership, Team
from conversations.views import composing
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket

if TYPE_CHECKING:
    from conversations.models import Agent, Attachment, Ticket
    from conversations.views.access import AgentRequest


@require_http_methods(["GET", "POST"])
@for_agents
def new_message(request: AgentRequest) -> HttpResponse:
    inboxes, teams = _inboxes(request.user), _teams(request.user)
    first = {
        "address": request.GET.get("to", "")[:320],
        "client_token": uuid.uuid4(),
        "inbox": inboxes.filter(team__in=teams).first(),
    }
    form = NewMessageForm(request.POST or None, inboxes=inboxes, teams=teams, initial=first)
    files: list[Attachment] = []
    error: DomainError | None = None
    if request.method == "POST":
        try:
            files = _files(request)
            if form.is_valid():
                return redirect(at_ticket(_written(request, form, files)))
        except DomainError as refusal:
            error = refusal
    context = {
        "form": form,
        "files": files,
        "problem": error,
        "asks": isinstance(error, ClaimedAddress),
        "ready": inboxes.exists(),
    }
    status = status_of(error) if error else 422 if form.errors else 200
    return render(request, "conversations/new_message.html", context, status=status)


def _written(request: AgentRequest, form: NewMessageForm, files: list[Attachment]) -> Ticket:
    told = form.cleaned_data
    names = ("address", "inbox", "team", "subject", "text", "name")
    return outreach.write_first(
        outreach.Opening(**{name: told[name] for name in names}),
        by=request.user,
        client_token=told["client_token"],
        attachments=files,
        confirmed=told["confirmed"],
    )


def _files(request: AgentRequest) -> list[Attachment]:
    kept = list(composing.files_of(request.user, request.POST.getlist("file")))
    return kept + [
        attachments.upload(file, by=request.user) for file in request.FILES.getlist("upload")
    ]


def _inboxes(agent: Agent) -> QuerySet[Inbox]:
    """Mail inboxes one may write from: all open ones, and restricted ones of one's teams."""
    return Inbox.objects.visible_to(agent).active().filter(kind="email")


def _teams(agent: Agent) -> QuerySet[Team]:
    if agent.is_supervisor:
        return Team.objects.all()
    return Team.objects.filter(memberships__in=Membership.objects.acting(agent))
