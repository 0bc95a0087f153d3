"""The pages of webhooks: a list, the form of one, its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from channels_inbox import vault
from channels_inbox.models import CallState
from channels_inbox.webhooks import keeping, log, send
from channels_inbox.webhooks.form import WebhookForm
from conversations.errors import BadInput
from conversations.views.access import AgentRequest, for_admins

if TYPE_CHECKING:
    from channels_inbox.models import Webhook


@require_GET
@for_admins
def webhooks(request: AgentRequest) -> HttpResponse:
    rows = keeping.every_webhook(by=request.user)
    return render(request, "webhooks/webhooks.html", {"rows": rows})


@never_cache
@require_http_methods(["GET", "POST"])
@for_admins
def new(request: AgentRequest) -> HttpResponse:
    """The secret is in this answer and nowhere else."""
    form = WebhookForm(request.POST or None)
    if not form.is_valid():
        return _page(request, form, status=422 if form.errors else 200)
    try:
        made, secret = keeping.make(**form.told(), by=request.user)
    except BadInput as error:
        form.add_error("url", str(error.message))
        return _page(request, form, status=422)
    return _page(request, WebhookForm(webhook=made), made, secret=secret)


@require_http_methods(["GET", "POST"])
@for_admins
def webhook(request: AgentRequest, pk: int) -> HttpResponse:
    found = keeping.webhook_of(pk, by=request.user)
    form = WebhookForm(request.POST or None, webhook=found)
    if not form.is_valid():
        return _page(request, form, found, status=422 if form.errors else 200)
    try:
        keeping.change(found, **form.told(), by=request.user)
    except BadInput as error:
        form.add_error("url", str(error.message))
        return _page(request, form, found, status=422)
    messages.success(request, _("Saved."))
    return redirect("webhooks:webhook", pk)


@require_POST
@for_admins
def test(request: AgentRequest, pk: int) -> HttpResponse:
    found = keeping.webhook_of(pk, by=request.user)
    try:
        answered = send.send_test(found)
        words = log.answer_in_words(answered.status, answered.error)
    except vault.MissingSecret:
        answered, words = send.Answered(None), _("No key opens its secret. Replace it.")
    return _page(request, WebhookForm(webhook=found), found, tested=answered, words=words)


@never_cache
@require_POST
@for_admins
def secret(request: AgentRequest, pk: int) -> HttpResponse:
    """The secret is in this answer and nowhere else."""
    found = keeping.webhook_of(pk, by=request.user)
    made = keeping.new_secret(found, by=request.user)
    return _page(request, WebhookForm(webhook=found), found, secret=made, is_second=True)


@require_POST
@for_admins
def start(request: AgentRequest, pk: int) -> HttpResponse:
    keeping.start(keeping.webhook_of(pk, by=request.user), by=request.user)
    messages.success(request, _("It is on. What waits is sent now."))
    return redirect("webhooks:webhook", pk)


@require_POST
@for_admins
def switch_off(request: AgentRequest, pk: int) -> HttpResponse:
    keeping.switch_off(keeping.webhook_of(pk, by=request.user), by=request.user)
    messages.success(request, _("It is off: nothing is told."))
    return redirect("webhooks:webhook", pk)


@require_POST
@for_admins
def remove(request: AgentRequest, pk: int) -> HttpResponse:
    found = keeping.webhook_of(pk, by=request.user)
    keeping.remove(found, by=request.user)
    messages.success(request, _("%(name)s is gone, with its log.") % {"name": found})
    return redirect("webhooks:webhooks")


@require_GET
@for_admins
def calls(request: AgentRequest, pk: int) -> HttpResponse:
    found = keeping.webhook_of(pk, by=request.user)
    state, before = request.GET.get("state", ""), request.GET.get("before", "")
    try:
        page = log.page(found, request.user, state=state, before=int(before) if before else None)
    except (ValueError, OverflowError):
        raise Http404 from None
    context = {"webhook": found, "page": page, "state": state, "is_later": before}
    return render(request, "webhooks/log.html", context)


@require_POST
@for_admins
def resend(request: AgentRequest, pk: int, call: int) -> HttpResponse:
    keeping.resend(keeping.webhook_of(pk, by=request.user), call, by=request.user)
    messages.success(request, _("It is sent again, under its old id."))
    return redirect("webhooks:log", pk)


@require_POST
@for_admins
def resend_failed(request: AgentRequest, pk: int) -> HttpResponse:
    found = keeping.webhook_of(pk, by=request.user)
    count = keeping.resend_failed(found, by=request.user)
    text = ngettext("%(count)s is sent again.", "%(count)s are sent again.", count)
    messages.success(request, text % {"count": count})
    return redirect("webhooks:log", pk)


def _page(
    request: AgentRequest,
    form: WebhookForm,
    webhook: Webhook | None = None,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = {"form": form, "webhook": webhook, **more}
    if webhook:
        context["failed"] = webhook.calls.filter(state=CallState.FAILED).exists()
    return render(request, "webhooks/webhook.html", context, status=status)
