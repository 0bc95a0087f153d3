"""The transcripts: finding them, reading without a trace at the desk, taking them away as files.

For supervisors and admins. Who reads or takes one away is written down; what they have read as
agents, and who looks at a conversation right now, is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from conversations import exports, transcript_log, transcripts
from conversations.models import TranscriptExport
from conversations.permissions import conversation_for, entry_for, ticket_for
from conversations.templatetags.desk import customer_name
from conversations.transcripts import Asked, Found, TooManyCustomers
from conversations.views import reading_rows
from conversations.views.access import for_supervisors
from conversations.views.answers import checked, is_scripted
from conversations.views.asked_words import in_words
from conversations.views.files import LOCKED_DOWN
from conversations.views.lists import checked_cursor
from conversations.views.screen import tickets_of
from conversations.views.transcript_forms import ExportForm, TranscriptSearchForm

if TYPE_CHECKING:
    from uuid import UUID

    from conversations.models import Conversation, Entry, Ticket
    from conversations.transcripts import Hit
    from conversations.views.access import AgentRequest

KINDS = {"html": "text/html; charset=utf-8", "json": "application/json"}
MOST_EXPORTS = 50


@dataclass(frozen=True)
class Result:
    """A ticket that was found, and where the words are in it."""

    ticket: Ticket
    hit: Hit | None


@never_cache
@require_GET
@for_supervisors
def search(request: AgentRequest) -> HttpResponse:
    """The address holds the question; without one it lists the newest tickets."""
    form = TranscriptSearchForm(request.GET)
    asked = form.asked if form.is_valid() else Asked()
    after = checked_cursor(request.GET.get("after", ""))
    try:
        found = transcripts.search(request.user, asked, after)
    except TooManyCustomers as refusal:
        form.add_error("customer", str(refusal.message))
        found = Found([], {}, "")
    context = {
        "form": form,
        "asked": asked,
        "results": [Result(row, found.hits.get(row.pk)) for row in found.tickets],
        "next": found.next,
        "is_later": bool(after),
        "export_form": ExportForm.fresh() if asked.query and found.tickets else None,
    }
    return render(request, "transcripts/search.html", context, status=422 if form.errors else 200)


@never_cache
@require_GET
@for_supervisors
def ticket(request: AgentRequest, pk: int) -> HttpResponse:
    found = ticket_for(request.user, pk)
    transcript_log.note_read(ticket=found, by=request.user)
    return _shown(request, found.conversation, found)


@never_cache
@require_GET
@for_supervisors
def conversation(request: AgentRequest, pk: int) -> HttpResponse:
    """All of a customer that one may read. The id of one that was joined leads to the live one."""
    found = conversation_for(request.user, pk)
    if found.pk != pk:
        return redirect("transcripts:conversation", found.pk)
    transcript_log.note_read(conversation=found, by=request.user)
    return _shown(request, found, None)


@require_POST
@for_supervisors
def export_ticket(request: AgentRequest, pk: int) -> HttpResponse:
    return _asked(request, ticket=ticket_for(request.user, pk))


@require_POST
@for_supervisors
def export_conversation(request: AgentRequest, pk: int) -> HttpResponse:
    return _asked(request, conversation=conversation_for(request.user, pk))


@require_POST
@for_supervisors
def export_search(request: AgentRequest) -> HttpResponse:
    """All that the question in the address finds, as one file."""
    form = TranscriptSearchForm(request.GET)
    checked(form)
    if not form.asked.query:
        raise Http404
    return _asked(request, query=form.asked.query)


@never_cache
@require_GET
@for_supervisors
def own_exports(request: AgentRequest) -> HttpResponse:
    """One's own files, and how far those are that are being made; a script asks for the rows."""
    rows = TranscriptExport.objects.of(request.user).select_related(
        "ticket__conversation__customer", "ticket__inbox", "conversation__customer"
    )
    exports = in_words(list(rows.order_by("-pk")[:MOST_EXPORTS]))
    context = {"exports": exports, "unfinished": any(one.is_unfinished for one in exports)}
    name = "_exports" if is_scripted(request) else "exports"
    return render(request, f"transcripts/{name}.html", context)


@never_cache
@require_GET
@for_supervisors
def file(request: AgentRequest, public_id: UUID) -> FileResponse:
    """A finished file, to be saved and never shown here: strangers' words are in it."""
    export = TranscriptExport.objects.of(request.user).filter(public_id=public_id).first()
    if export is None:
        raise Http404
    response = FileResponse(
        exports.fetched(export, by=request.user),
        as_attachment=True,
        filename=_filename(export),
        content_type=KINDS[export.format],
    )
    for name, value in LOCKED_DOWN.items():
        response.headers[name] = value
    return response


@never_cache
@require_GET
@for_supervisors
def log(request: AgentRequest) -> HttpResponse:
    """Who read and exported what."""
    told = {name: _number(request.GET.get(name, "")) for name in ("person", "ticket", "before")}
    rows = transcript_log.log(request.user, **told)
    more = len(rows) > transcript_log.PAGE
    rows = rows[: transcript_log.PAGE]
    in_words([row.export for row in rows if row.export])
    context = {"rows": rows, "next": rows[-1].pk if more else None, **told}
    return render(request, "transcripts/log.html", context)


def _shown(
    request: AgentRequest, conversation: Conversation, ticket: Ticket | None
) -> HttpResponse:
    agent, asked = request.user, request.GET
    part = transcripts.stretch(
        conversation,
        agent,
        ticket=ticket,
        before=checked_cursor(asked.get("before", "")),
        after=checked_cursor(asked.get("after", "")),
        around=_entry(request, conversation, ticket),
    )
    rows = reading_rows.drawn(
        part.entries, agent, conversation.customer, target=asked.get("entry", "")
    )
    context = {
        "conversation": conversation,
        "customer": conversation.customer,
        "ticket": ticket,
        "tickets": tickets_of(conversation, agent),
        "part": part,
        "items": list(rows),
        "readers": transcript_log.log(agent, ticket=ticket.pk)[:5] if ticket else [],
        "export_form": ExportForm.fresh(),
    }
    return render(request, "transcripts/transcript.html", context)


def _entry(
    request: AgentRequest, conversation: Conversation, ticket: Ticket | None
) -> Entry | None:
    """The entry the address names, if this transcript has it."""
    pk = _number(request.GET.get("entry", ""))
    if not pk:
        return None
    entry = entry_for(request.user, pk)
    here = entry.ticket_id == ticket.pk if ticket else entry.live_in(conversation)
    if not here:
        raise Http404
    return entry


def _asked(request: AgentRequest, **subject: Any) -> HttpResponse:
    told: dict[str, Any] = checked(ExportForm(request.POST))
    exports.ask(by=request.user, **told, **subject)
    return redirect("transcripts:exports")


def _filename(export: TranscriptExport) -> str:
    """By the customer where it is one's alone, by the day it was asked for, and by what is in it:
    a file with notes must not be taken for the one to send."""
    conversation = export.conversation or (export.ticket.conversation if export.ticket else None)
    about = slugify(customer_name(conversation.customer)) if conversation else ""
    parts = [
        slugify(_("Transcript")) or "transcript",
        about[:40],
        f"{export.asked_at:%Y-%m-%d}",
        slugify(_("with notes")) if export.with_notes else "",
    ]
    return f"{'-'.join(filter(None, parts))}.{export.format}"


def _number(text: str) -> int | None:
    """A row id. Raises Http404 for anything else that isn't empty."""
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Http404
    return int(text)
