"""The search page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.shortcuts import render
from django.views.decorators.http import require_GET

from conversations import search
from conversations.forms.customers import SearchForm
from conversations.moments import Reader
from conversations.templatetags.desk import author, customer_name, highlighted
from conversations.views.access import for_agents

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.models import Agent, Entry
    from conversations.views.access import AgentRequest


class Hit(NamedTuple):
    """A message that was found. `subject` is its matter's, `text` the stretch of it around the
    words; these are marked in both."""

    entry: int
    is_note: bool
    channel: str
    name: str
    subject: str
    who: str
    at: str
    full: str
    soon: str
    text: str


@require_GET
@for_agents
def search_page(request: AgentRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    query = form.cleaned_data["q"] if form.is_valid() else ""
    found = search.search(request.user, query)
    reader = Reader.here()
    hits = [_hit(entry, request.user, reader, query) for entry in found.entries]
    context = {"query": query, "found": found, "hits": hits, "errors": form.errors}
    return render(request, "conversations/search.html", context)


def _hit(entry: Entry, viewer: Agent, reader: Reader, query: str) -> Hit:
    customer, said = entry.conversation.customer, reader.said(entry.at)
    subject = entry.ticket.subject if entry.ticket else ""
    return Hit(
        entry=entry.pk,
        is_note=entry.is_note,
        channel=entry.inbox.channel if entry.inbox else "",
        name=customer_name(customer),
        subject=highlighted(subject, query) if subject else "",
        who=author(entry, viewer, customer),
        at=said.iso,
        full=said.full,
        soon=reader.soon(entry.at),
        text=highlighted(entry.text, query),
    )
