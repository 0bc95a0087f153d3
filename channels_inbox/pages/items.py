"""The page of what came in and didn't get into a conversation."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from channels_inbox import nothing_lost, receive, set_aside
from channels_inbox.models import Item, ItemState
from conversations.models import DeliveryState
from conversations.views.access import AgentRequest, for_supervisors


class DiscardForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Why it can go"), max_length=300)


@require_GET
@for_supervisors
def overview(request: AgentRequest) -> HttpResponse:
    """Every inbox: what became of what came in and went out."""
    rows = nothing_lost.per_inbox(request.user)
    context = {
        "rows": rows,
        "has_dead": any(row.may_have_dead for row in rows),
        "unsure": nothing_lost.in_doubt(request.user),
        "failed": nothing_lost.in_doubt(request.user, DeliveryState.FAILED),
    }
    return render(request, "items/nothing_lost.html", context)


@require_POST
@for_supervisors
def replay_all(request: AgentRequest) -> HttpResponse:
    """Try every dead item the agent may see again."""
    count = receive.replay_all(set_aside.visible_to(request.user), by=request.user)
    told = ngettext("%(n)s is tried again.", "%(n)s are tried again.", count) % {"n": count}
    messages.success(request, told)
    return redirect("items:nothing-lost")


@require_GET
@for_supervisors
def items(request: AgentRequest) -> HttpResponse:
    state, before = request.GET.get("state", ItemState.DEAD), request.GET.get("before", "")
    try:
        page = set_aside.page(request.user, state=state, before=int(before) if before else None)
    except ValueError:
        raise Http404 from None
    context = {"page": page, "state": state, "states": set_aside.STATES, "is_later": before}
    return render(request, "items/items.html", context)


@require_GET
@for_supervisors
def item(request: AgentRequest, pk: int) -> HttpResponse:
    return _item_page(request, set_aside.item_for(request.user, pk), DiscardForm())


@require_GET
@for_supervisors
def raw(request: AgentRequest, pk: int) -> HttpResponse:
    """The payload as it arrived, to be saved and never shown: it is what a stranger sent."""
    envelope = set_aside.item_for(request.user, pk).envelope
    kind = "message/rfc822" if envelope.inbox.kind == "email" else "application/octet-stream"
    ending = "eml" if envelope.inbox.kind == "email" else "bin"
    response = HttpResponse(receive.body_of(envelope), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{pk}.{ending}"'
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@require_POST
@for_supervisors
def bring_in(request: AgentRequest, pk: int) -> HttpResponse:
    """Try a dead item again, or take in an ignored one after all."""
    wanted = set_aside.item_for(request.user, pk)
    receive.replay(wanted, by=request.user)
    wanted.refresh_from_db()
    _tell(request, wanted)
    if wanted.state in set_aside.STATES:
        return redirect("items:item", pk)
    return redirect("items:items")


@require_POST
@for_supervisors
def discard(request: AgentRequest, pk: int) -> HttpResponse:
    unwanted = set_aside.item_for(request.user, pk)
    form = DiscardForm(request.POST)
    if not form.is_valid():
        return _item_page(request, unwanted, form, status=422)
    receive.discard(unwanted, by=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, _("Discarded. What came in stays stored."))
    return redirect("items:items")


def _item_page(
    request: AgentRequest, shown: Item, form: DiscardForm, *, status: int = 200
) -> HttpResponse:
    context = {"row": set_aside.row_of(shown), "form": form}
    return render(request, "items/item.html", context, status=status)


def _tell(request: AgentRequest, tried: Item) -> None:
    if tried.state == ItemState.THREADED:
        messages.success(request, _("It is in its conversation now."))
    elif tried.state == ItemState.DUPLICATE:
        messages.info(request, _("It was in its conversation already."))
    elif tried.state == ItemState.IGNORED:
        messages.warning(
            request, _("It was left out again: %(why)s") % {"why": set_aside.in_words(tried.reason)}
        )
    else:
        messages.error(request, _("It failed again: %(why)s") % {"why": tried.reason})
