"""The page of a chat's assistant: its settings, and a way to try it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from channels_inbox import inboxes as desk_inboxes
from channels_inbox.chat import accounts, payload
from channels_inbox.chat.reception import settings as receptions
from channels_inbox.chat.reception.talk import Place
from channels_inbox.chat.reception.trial import tried
from channels_inbox.pages.assistant_form import AssistantForm, TryForm, shown
from conversations.thread import database_now
from conversations.views.access import AgentRequest, for_admins

if TYPE_CHECKING:
    from channels_inbox.chat.reception.settings import Reception
    from channels_inbox.chat.reception.trial import Said
    from conversations.models import Bot, Inbox


@require_http_methods(["GET", "POST"])
@for_admins
def assistant(request: AgentRequest, pk: int) -> HttpResponse:
    """`?said=` tries the assistant as it is saved."""
    inbox = desk_inboxes.inbox_of(pk, by=request.user)
    if inbox.kind != "chat":
        raise Http404
    bot, known = receptions.bot_of(inbox), receptions.Reception.of_inbox(inbox)
    form = AssistantForm(request.POST or None, initial=_initial(inbox, bot, known))
    if request.method == "POST" and form.is_valid():
        _save(inbox, form)
        messages.success(request, _("Saved."))
        return redirect("inboxes:assistant", inbox.pk)
    name = bot.name if bot else str(form["name"].value())
    trial, said = _trial(request, inbox, name, known)
    context = {"inbox": inbox, "bot": bot, "form": form, "trial": trial, "said": said}
    status = 422 if form.errors else 200
    return render(request, "inboxes/assistant.html", context, status=status)


def _save(inbox: Inbox, form: AssistantForm) -> None:
    told: dict[str, Any] = form.cleaned_data
    with transaction.atomic():
        receptions.save(
            inbox,
            form.reception(),
            name=told["name"],
            fallback=told["fallback"],
            is_on=told["is_on"],
            holds_for=form.holds_for,
        )


def _initial(inbox: Inbox, bot: Bot | None, known: Reception) -> dict[str, Any]:
    told = {"name": _("Robin"), "fallback": inbox.team_id, **receptions.told(bot)}
    return shown(known, told)


def _trial(
    request: AgentRequest, inbox: Inbox, name: str, known: Reception
) -> tuple[TryForm, list[Said]]:
    language = translation.get_language() or "en"
    if "said" not in request.GET:
        return TryForm(initial={"language": language}), []
    form = TryForm(request.GET)
    if not form.is_valid():
        return form, []
    place = Place(name, payload.shop(inbox), accounts.config_of(inbox), known, database_now())
    return form, tried(form.lines(), place, language=form.cleaned_data["language"])
