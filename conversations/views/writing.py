"""Sending a reply, adding a note, keeping a draft. Whatever goes wrong, the text comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from conversations import attachments, drafts, replies
from conversations.errors import DomainError, StaleContext
from conversations.forms.writing import DraftForm, LaterForm, NoteForm
from conversations.going_out import ClaimedAddress, Outgoing
from conversations.middleware import status_of, wants_json
from conversations.models import Conversation, HeldSend, Status, Ticket
from conversations.moments import Reader
from conversations.permissions import ticket_for
from conversations.views import composing
from conversations.views.access import for_agents
from conversations.views.answers import at_ticket, checked, done, is_scripted
from conversations.views.screen import screen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from conversations.models import Agent, Attachment, Entry
    from conversations.views.access import AgentRequest
    from conversations.views.composing import Composer


PREFIX = {"reply": "", "note": "note-"}


@require_POST
@for_agents
def reply(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk, to="act")
    form = composing.bound_reply(ticket, request.POST)
    files = list(composing.files_of(request.user, request.POST.getlist("file")))
    asked, _plus, then = request.POST.get("action", "send").partition("+")
    try:
        files += _uploaded(request)
        if asked in ("draft", "everybody"):
            return _kept(request, ticket, files, asked)
        if asked == "template":
            return _again(request, ticket, files, status=200)
        if not form.is_valid() and not wants_json(request):
            return _again(request, ticket, files, status=422)
        told: dict[str, Any] = checked(form)
        told["values"] = composing.values_of(request.POST)
        at = _later(request)
        made = _send(request.user, ticket, told, files, asked=asked, then=then, at=at)
    except DomainError as error:
        return _again(request, ticket, files, error)
    drafts.discard(ticket, by=request.user, mode="reply", version=told["version"])
    return _sent(request, ticket, made, _what_became(made))


@require_POST
@for_agents
def note(request: AgentRequest, pk: int) -> HttpResponse:
    ticket = ticket_for(request.user, pk, to="act")
    form = NoteForm(request.POST, prefix="note")
    files = list(composing.files_of(request.user, request.POST.getlist("file")))
    try:
        files += _uploaded(request)
        told: dict[str, Any] = checked(form)
        made = replies.note(
            ticket,
            by=request.user,
            text=told["text"],
            client_token=told["client_token"],
            attachments=files,
        )
    except DomainError as error:
        return _again(request, ticket, files, error, mode="note")
    drafts.discard(ticket, by=request.user, mode="note", version=told["version"])
    return _sent(request, ticket, made, _("Note added."))


@never_cache
@require_GET
@for_agents
def composer(request: AgentRequest, pk: int) -> HttpResponse:
    """The composer anew: with the draft as it is now, and answering what was said last."""
    ticket = ticket_for(request.user, pk, to="act")
    seen = _number(request.GET.get("seen", ""))
    return _shown(request, ticket, composing.composer(ticket, request.user, seen=seen), 200)


@require_POST
@for_agents
def draft(request: AgentRequest, pk: int) -> HttpResponse:
    """Keep what is typed so far. 409 with the other text where another tab wrote in between."""
    ticket = ticket_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(DraftForm(request.POST))
    mode, text, version = told.pop("mode"), told.pop("text"), told.pop("version") or 0
    fields = {**told, "files": request.POST.getlist("file")[:50]}
    if not text.strip() and not fields["files"]:
        drafts.discard(ticket, by=request.user, mode=mode)
        return JsonResponse({"version": 0})
    saved = drafts.save(
        ticket, by=request.user, mode=mode, text=text, fields=fields, version=version
    )
    answer: dict[str, object] = {"version": saved.draft.version, "conflict": saved.conflict}
    if saved.conflict:
        answer["text"] = saved.draft.text
    return JsonResponse(answer, status=409 if saved.conflict else 200)


def _send(
    agent: Agent,
    ticket: Ticket,
    told: dict[str, Any],
    files: Sequence[Attachment],
    *,
    asked: str,
    then: str,
    at: datetime | None,
) -> Entry | HeldSend:
    answered = composing.message_of(ticket, agent, told["answers"])
    return replies.reply(
        ticket,
        by=agent,
        outgoing=Outgoing(
            text=told["text"],
            identity=told["identity"].pk,
            inbox=told["inbox"].pk,
            subject=told["subject"],
            to=told["to"],
            cc=told["cc"],
            bcc=told["bcc"],
            answers=answered.pk if answered else None,
            quote=told["quote"],
            cites=answered.pk if answered and told["cites"] else None,
            template=told["template"],
            values=told["values"],
            then=Status.RESOLVED if then == "resolve" else Status.PENDING,
        ),
        seen_head=told["seen"],
        client_token=told["client_token"],
        attachments=files,
        anyway=asked == "anyway",
        confirmed=asked == "confirmed",
        at=at,
    )


def _later(request: AgentRequest) -> datetime | None:
    """When a reply is to go out: by one of the proposed times, or the one that was typed."""
    chosen = request.POST.get("later")
    if chosen is None:
        return None
    text = request.POST.get("later_at", "") if chosen == "at" else chosen
    told: dict[str, Any] = checked(LaterForm({"later": text}))
    at: datetime = told["later"]
    return at


def _what_became(made: Entry | HeldSend) -> str:
    if not isinstance(made, HeldSend):
        return _("Sent.")
    if not made.scheduled:
        return ""
    return _("It goes out at %(when)s.") % {"when": Reader.here().said(made.release_at).full}


def _kept(
    request: AgentRequest, ticket: Ticket, files: Sequence[Attachment], asked: str
) -> HttpResponse:
    """The composer's buttons that send nothing: keep the draft, or add everybody on the message."""
    fresh = composing.composer(ticket, request.user, seen=_head(ticket))
    data = request.POST.copy()
    if asked == "everybody":
        data["cc"] = ", ".join([*filter(None, [data.get("cc", "").strip()]), *fresh.others])
    form = DraftForm({**data.dict(), "mode": "reply"})
    told: dict[str, Any] = checked(form)
    _mode, text, version = told.pop("mode"), told.pop("text"), told.pop("version") or 0
    fields = {**told, "files": [str(file.public_id) for file in files]}
    saved = drafts.save(
        ticket, by=request.user, mode="reply", text=text, fields=fields, version=version
    )
    data["version"] = str(saved.draft.version)
    shown = composing.again(
        ticket,
        request.user,
        data,
        seen=_number(request.POST.get("seen", "")),
        files=files,
        other_draft=saved.draft if saved.conflict else None,
    )
    if asked == "draft" and not saved.conflict:
        return done(request, at_ticket(ticket), _("Draft saved."))
    return _shown(request, ticket, shown, 409 if saved.conflict else 200)


def _again(
    request: AgentRequest,
    ticket: Ticket,
    files: Sequence[Attachment],
    error: DomainError | None = None,
    *,
    mode: str = "reply",
    status: int = 0,
) -> HttpResponse:
    """The composer again with what its author wrote, what stopped it, and the way on. A script has
    that still: it is only told what stopped it."""
    if error is not None and wants_json(request):
        return _refused(request, ticket, error, mode)
    changes: dict[str, Any] = {"mode": mode, "note_files" if mode == "note" else "files": files}
    if error is not None:
        changes |= {"problem": error.message, "ask": _override(error)}
    seen = _seen(request, ticket, error)
    if isinstance(error, StaleContext):
        changes["newer"] = error.newer
    shown = composing.again(ticket, request.user, request.POST, seen=seen, **changes)
    return _shown(request, ticket, shown, status or (status_of(error) if error else 422))


def _shown(request: AgentRequest, ticket: Ticket, shown: Composer, status: int) -> HttpResponse:
    if is_scripted(request):
        context = {"composer": shown, "ticket": ticket, "customer": ticket.conversation.customer}
        return render(request, "_partials/composer.html", context, status=status)
    ticket.refresh_from_db()
    context = screen(request, ticket.conversation, ticket=ticket, writing=shown)
    return render(request, "conversations/conversation.html", context, status=status)


def _refused(request: AgentRequest, ticket: Ticket, error: DomainError, mode: str) -> HttpResponse:
    """What was sent before and isn't known to be there is no refusal, but its answer."""
    token = composing.uuid_of(request.POST.get(f"{PREFIX[mode]}client_token", ""))
    made = replies.sent_before(request.user, token) if token else None
    if made:
        return _sent(request, ticket, made, "")
    told: dict[str, object] = {"code": error.code, "message": str(error.message)}
    if isinstance(error, StaleContext):
        told |= {"head": error.head, "newer": [f"entry:{entry.pk}" for entry in error.newer]}
    return JsonResponse(told, status=status_of(error))


def _sent(request: AgentRequest, ticket: Ticket, made: Entry | HeldSend, said: str) -> HttpResponse:
    """What it became, and a head that holds it."""
    if wants_json(request):
        held = isinstance(made, HeldSend)
        told = {"entry": None if held else made.pk, "held": made.pk if held else None}
        return JsonResponse({**told, "head": _head(ticket), "said": said})
    if not is_scripted(request):
        return done(request, at_ticket(ticket), said)
    fresh = composing.composer(
        ticket, request.user, seen=_number(request.POST.get("seen", "")) or _head(ticket)
    )
    response = _shown(request, ticket, fresh, 200)
    response.headers["HX-Trigger"] = "desk:changed"
    return response


def _seen(request: AgentRequest, ticket: Ticket, error: DomainError | None) -> int:
    """The head shown with the composer now: what a 409 shows, it has shown."""
    if isinstance(error, StaleContext):
        return error.head
    return _number(request.POST.get("seen", "")) if is_scripted(request) else _head(ticket)


def _number(text: str) -> int:
    """A number that was not checked; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _head(ticket: Ticket) -> int:
    return Conversation.objects.values_list("head", flat=True).get(pk=ticket.conversation_id)


def _override(error: DomainError) -> str:
    if isinstance(error, StaleContext):
        return "anyway"
    return "confirmed" if isinstance(error, ClaimedAddress) else ""


def _uploaded(request: AgentRequest) -> list[Attachment]:
    return [attachments.upload(file, by=request.user) for file in request.FILES.getlist("upload")]
