"""Writing to somebody first."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from conversations import attachments, media, outreach
from conversations.errors import DomainError
from conversations.forms.writing import NewMessageForm
from conversations.going_out import ClaimedAddress
from conversations.middleware import status_of
from conversations.models import Inbox, Membership, Team, Template
from conversations.templatetags import charges
from conversations.views import composing
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket

if TYPE_CHECKING:
    from conversations.media import Terms
    from conversations.models import Agent, Attachment, Ticket
    from conversations.views.access import AgentRequest


@require_http_methods(["GET", "POST"])
@for_agents
def new_message(request: AgentRequest) -> HttpResponse:
    inboxes, teams = _inboxes(request.user), _teams(request.user)
    first = _first(request, inboxes, teams)
    form = NewMessageForm(request.POST or None, inboxes=inboxes, teams=teams, initial=first)
    if request.POST.get("action") == "template":
        # What is wrong is said once it is sent.
        told = {**first, **dict(request.POST.items())}
        form = NewMessageForm(inboxes=inboxes, teams=teams, initial=told)
        return _page(request, form, [], None)
    files: list[Attachment] = []
    error: DomainError | None = None
    if request.method == "POST":
        try:
            files = _files(request)
            if form.is_valid():
                return redirect(at_ticket(_written(request, form, files)))
        except DomainError as refusal:
            error = refusal
    return _page(request, form, files, error)


def _page(
    request: AgentRequest,
    form: NewMessageForm,
    files: list[Attachment],
    error: DomainError | None,
) -> HttpResponse:
    template, values = _template(form), composing.values_of(request.POST)
    inbox, terms = _sender(form)
    context = {
        "form": form,
        "kind": inbox.address_kind if inbox else "",
        "terms": terms,
        "files": files,
        "problem": error,
        "asks": isinstance(error, ClaimedAddress),
        "ready": inbox is not None,
        "template": template,
        "places": composing.places_of(template, values),
        "preview": template.pieces(values) if template else [],
    }
    status = status_of(error) if error else 422 if form.errors else 200
    return render(request, "conversations/new_message.html", context, status=status)


def _sender(form: NewMessageForm) -> tuple[Inbox | None, Terms | None]:
    """The inbox that is chosen, or that browsers choose, and what sending by it comes to. The page
    is told the same of each."""
    inboxes: list[Inbox] = list(form.fields["inbox"].queryset)  # type: ignore[attr-defined]
    terms = media.terms([row.pk for row in inboxes])
    form.fields["inbox"].widget.told = {
        row.pk: charges.told_of(row, terms.get(row.pk)) for row in inboxes
    }
    wanted = form["inbox"].value()
    chosen = str(wanted.pk if isinstance(wanted, Inbox) else wanted)
    inbox = next((row for row in inboxes if str(row.pk) == chosen), next(iter(inboxes), None))
    return inbox, terms.get(inbox.pk) if inbox else None


def _first(
    request: AgentRequest, inboxes: QuerySet[Inbox], teams: QuerySet[Team]
) -> dict[str, Any]:
    """To whom the page before says, by an inbox that writes to such addresses."""
    kind = request.GET.get("kind", "")
    fitting = [row for row in inboxes if not kind or row.address_kind == kind]
    own = {team.pk for team in teams}
    return {
        "address": request.GET.get("to", "")[:320],
        "client_token": uuid.uuid4(),
        "inbox": next((row for row in fitting if row.team_id in own), next(iter(fitting), None)),
    }


def _template(form: NewMessageForm) -> Template | None:
    """Of the inboxes one may write from."""
    if "template" not in form.fields:
        return None
    chosen = str(form["template"].value() or "")
    rows: QuerySet[Template] = form.fields["template"].queryset  # type: ignore[attr-defined]
    return rows.filter(pk=chosen).first() if chosen.isdecimal() and len(chosen) < 19 else None


def _written(request: AgentRequest, form: NewMessageForm, files: list[Attachment]) -> Ticket:
    told = form.cleaned_data
    names = ("address", "inbox", "team", "subject", "text", "name")
    template = told.get("template")
    return outreach.write_first(
        outreach.Opening(
            **{name: told[name] for name in names},
            template=template.pk if template else None,
            values=composing.values_of(request.POST),
        ),
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
    """Those one may write from and that can write to somebody first: all open ones, and restricted
    ones of one's teams."""
    rows = Inbox.objects.visible_to(agent).active()
    return rows.filter(pk__in=[row.pk for row in rows if row.medium.first])


def _teams(agent: Agent) -> QuerySet[Team]:
    if agent.is_supervisor:
        return Team.objects.all()
    return Team.objects.filter(memberships__in=Membership.objects.acting(agent))
