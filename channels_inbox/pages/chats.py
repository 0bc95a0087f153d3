"""The settings of a chat: how it looks, whom it answers, and the secret it shares with the site."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from channels_inbox import inboxes as desk_inboxes
from channels_inbox.chat import accounts, signatures
from channels_inbox.chat.config import ChatConfig
from channels_inbox.chat.reception import settings as receptions
from channels_inbox.pages.chat_form import ChatForm
from conversations.models import Inbox, Team
from conversations.views.access import AgentRequest, for_admins

if TYPE_CHECKING:
    from django.http import QueryDict


@require_http_methods(["GET", "POST"])
@for_admins
def new_chat(request: AgentRequest) -> HttpResponse:
    return edit(request, _blank())


def edit(request: AgentRequest, edited: Inbox) -> HttpResponse:
    """The form, and what was sent with it. The caller lets only admins come here."""
    form = _form(edited, request.POST or None)
    is_new = edited.pk is None
    if form.is_valid():
        with transaction.atomic():
            desk_inboxes.save(form.filled(), by=request.user)
            accounts.save_account(edited, form.config())
            receptions.follow(edited)
        text = _("The chat is ready. Put its line into your site.") if is_new else _("Saved.")
        messages.success(request, text)
        return redirect("inboxes:inbox", edited.pk)
    return _page(request, form, status=422 if form.errors else 200)


@never_cache
@require_POST
@for_admins
def new_signing_secret(request: AgentRequest, pk: int) -> HttpResponse:
    """The secret is in this answer and nowhere else."""
    chat = _chat(request, pk)
    return _page(request, _form(chat), signing_secret=signatures.new_secret(chat))


def _chat(request: AgentRequest, pk: int) -> Inbox:
    found = desk_inboxes.inbox_of(pk, by=request.user)
    if found.kind != "chat":
        raise Http404
    return found


def _blank() -> Inbox:
    """A new chat: its replies go at once, and on by the first team's mail."""
    team = Team.objects.order_by("pk").first()
    mail = Inbox.objects.active().filter(kind="email", team=team, restriction="").first()
    return Inbox(kind="chat", team=team, goes_on_by=mail, undo_window=timedelta(0))


def _form(edited: Inbox, data: QueryDict | None = None) -> ChatForm:
    known = accounts.config_of(edited) if edited.pk else ChatConfig(zone=settings.TIME_ZONE)
    return ChatForm(data, inbox=edited, known=known)


def _page(
    request: AgentRequest, form: ChatForm, *, status: int = 200, **more: object
) -> HttpResponse:
    inbox = form.inbox
    context: dict[str, Any] = {"form": form, "inbox": inbox, **more}
    if inbox.pk:
        loader = settings.BASE_URL + reverse("chat:loader", args=[inbox.public_id])
        context |= {
            "embed": f'<script async src="{loader}"></script>',
            "has_secret": accounts.has_secret(inbox),
            "has_secret_before": accounts.has_secret_before(inbox),
            "health": {"account": getattr(inbox, "account", None), "trouble": ""},
        }
    return render(request, "inboxes/chat.html", context, status=status)
