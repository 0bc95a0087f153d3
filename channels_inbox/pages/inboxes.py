"""The inboxes' settings: a list with their health, and the form of a mail inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from channels_inbox import inboxes as desk_inboxes
from channels_inbox import vault
from channels_inbox.chat import signatures
from channels_inbox.email import accounts, hooks
from channels_inbox.email.config import OAUTH, MailConfig
from channels_inbox.gates import out
from channels_inbox.models import Account
from channels_inbox.pages import chats, providers
from channels_inbox.pages.health import notices, trouble
from channels_inbox.pages.mail_form import MailInboxForm
from channels_inbox.provider import providers as providers_there_are
from channels_inbox.registry import adapter
from conversations.errors import BadInput
from conversations.models import Inbox
from conversations.views.access import AgentRequest, for_admins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from channels_inbox.base import Check

# Every provider names its secrets otherwise.
hides_secrets = sensitive_post_parameters()


class AddressForm(forms.Form):
    address = forms.EmailField(
        label=gettext_lazy("Mail address"),
        max_length=254,
        help_text=gettext_lazy("Such as support@your-company.com. The next page guesses the rest."),
    )


@require_GET
@for_admins
def inboxes(request: AgentRequest) -> HttpResponse:
    rows = [(inbox, _health(inbox)) for inbox in desk_inboxes.every_inbox()]
    context = {"rows": rows, "providers": providers_there_are()}
    return render(request, "inboxes/inboxes.html", context)


@hides_secrets
@require_http_methods(["GET", "POST"])
@for_admins
def new_inbox(request: AgentRequest) -> HttpResponse:
    """First the address; with it, the form with the provider's servers filled in."""
    asked = AddressForm(request.GET if "address" in request.GET else None)
    if request.method == "GET" and not asked.is_valid():
        return render(request, "inboxes/address.html", {"form": asked})
    inbox = Inbox(address=asked.cleaned_data["address"].lower() if asked.is_valid() else "")
    return _edit(request, inbox)


@hides_secrets
@require_http_methods(["GET", "POST"])
@for_admins
def inbox(request: AgentRequest, pk: int) -> HttpResponse:
    """The form of its channel."""
    edited = desk_inboxes.inbox_of(pk, by=request.user)
    own = {"chat": chats.edit, "email": _edit}
    return own.get(edited.kind, providers.edit)(request, edited)


@hides_secrets
@never_cache
@require_POST
@for_admins
def test_new(request: AgentRequest) -> HttpResponse:
    return _test(request, Inbox())


@hides_secrets
@never_cache
@require_POST
@for_admins
def test(request: AgentRequest, pk: int) -> HttpResponse:
    tested = desk_inboxes.inbox_of(pk, by=request.user)
    if tested.kind in ("email", "chat"):
        return _test(request, _mailbox(request, pk))
    return providers.test(request, tested)


@never_cache
@require_POST
@for_admins
def new_hook_secret(request: AgentRequest, pk: int) -> HttpResponse:
    """The secret is in this answer and nowhere else."""
    found = desk_inboxes.inbox_of(pk, by=request.user)
    if found.kind not in ("email", "chat"):
        return providers.new_secret(request, found)
    hooked = _mailbox(request, pk)
    return _page(request, _form(hooked), hook_secret=accounts.new_hook_secret(hooked))


@require_POST
@for_admins
def stop_old_secret(request: AgentRequest, pk: int) -> HttpResponse:
    """Of a chat, a hook or a provider whose calls are signed with a secret of ours."""
    found = desk_inboxes.inbox_of(pk, by=request.user)
    ours = {"chat": signatures.SECRET, "email": hooks.SECRET}
    vault.stop_before(found, ours.get(found.kind) or providers.secret_of(found))
    messages.success(request, _("Only the newest secret works now."))
    return redirect("inboxes:inbox", pk)


@require_POST
@for_admins
def close(request: AgentRequest, pk: int) -> HttpResponse:
    closed = desk_inboxes.inbox_of(pk, by=request.user)
    desk_inboxes.close(closed, by=request.user)
    messages.success(
        request, _("%(name)s is closed: nothing comes in or goes out by it.") % {"name": closed}
    )
    return redirect("inboxes:inboxes")


@require_POST
@for_admins
def open_again(request: AgentRequest, pk: int) -> HttpResponse:
    opened = desk_inboxes.inbox_of(pk, by=request.user)
    desk_inboxes.open_again(opened, by=request.user)
    messages.success(request, _("%(name)s is open again.") % {"name": opened})
    return redirect("inboxes:inbox", pk)


def _mailbox(request: AgentRequest, pk: int) -> Inbox:
    found = desk_inboxes.inbox_of(pk, by=request.user)
    if found.kind != "email":
        raise Http404
    return found


def _edit(request: AgentRequest, edited: Inbox) -> HttpResponse:
    form = _form(edited, request.POST or None)
    if form.is_valid() and _saved(request, form):
        messages.success(request, _("Saved. Mail is read from now on."))
        return redirect("inboxes:inbox", edited.pk)
    return _page(request, form, status=422 if form.errors else 200)


def _saved(request: AgentRequest, form: MailInboxForm) -> bool:
    """Inbox and account in one transaction; a refusal is written on the form."""
    is_new = form.inbox.pk is None
    try:
        with transaction.atomic():
            desk_inboxes.save(form.filled(), by=request.user)
            accounts.save_account(form.inbox, form.config(), form.secrets())
            out.allow(form.inbox, form.cleaned_data["per_minute"])
    except BadInput as error:
        form.add_error("address", str(error.message))
    except accounts.InvalidConfig as error:
        form.add_error(None, " ".join(error.errors.values()))
    else:
        return True
    if is_new:
        form.inbox.pk = None
    return False


def _test(request: AgentRequest, tested: Inbox) -> HttpResponse:
    """Try what the form says, saving nothing. htmx gets the steps alone: what was typed stays."""
    form = _form(tested, request.POST)
    checks = _checks(form) if form.is_valid() else ()
    if not request.headers.get("HX-Request"):
        return _page(request, form, checks=checks, status=422 if form.errors else 200)
    problems = [
        (form[name].label if name in form.fields else "", errors)
        for name, errors in form.errors.items()
    ]
    context = {"checks": checks, "problems": problems}
    return render(request, "inboxes/_checks.html", context)


def _checks(form: MailInboxForm) -> Sequence[Check]:
    account = Account(inbox=form.filled(), config=form.config().stored())
    with vault.trying(form.secrets()):
        return adapter("email").check(account)


def _form(edited: Inbox, data: Any = None) -> MailInboxForm:
    known = accounts.config_of(edited) if edited.pk else MailConfig()
    return MailInboxForm(data, inbox=edited, known=known)


def _page(
    request: AgentRequest, form: MailInboxForm, *, status: int = 200, **more: object
) -> HttpResponse:
    inbox = form.inbox
    context: dict[str, object] = {"form": form, "inbox": inbox, "health": _health(inbox), **more}
    if inbox.pk:
        hook = reverse("hook", args=[inbox.kind, inbox.public_id])
        context["hook_url"] = settings.BASE_URL + hook
        context["has_hook"] = accounts.has_hook_secret(inbox)
        context["has_secret_before"] = vault.has_before(inbox, hooks.SECRET)
        context["oauth"] = form.known.auth == OAUTH
        context["allowed"] = vault.has(inbox, "oauth_refresh")
        context["callback_url"] = settings.BASE_URL + reverse("inboxes:consent-callback")
    return render(request, "inboxes/inbox.html", context, status=status)


def _health(inbox: Inbox) -> dict[str, object] | None:
    account = getattr(inbox, "account", None) if inbox.pk else None
    if not account:
        return None
    return {"account": account, "trouble": trouble(account), "notices": notices(account)}
