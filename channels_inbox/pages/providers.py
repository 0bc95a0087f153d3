"""The settings of a provider's inbox: connect it, try it, see how it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from channels_inbox import accounts, vault
from channels_inbox import inboxes as desk_inboxes
from channels_inbox.base import ConnectError
from channels_inbox.gates import out
from channels_inbox.models import Account
from channels_inbox.pages.health import how_it_does
from channels_inbox.pages.provider_form import ProviderForm
from channels_inbox.provider import provider_of
from channels_inbox.webhooks import signatures
from conversations.errors import BadInput
from conversations.models import Inbox
from conversations.views.access import AgentRequest, for_admins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels_inbox.provider import Provider

hides_secrets = sensitive_post_parameters()


@hides_secrets
@require_http_methods(["GET", "POST"])
@for_admins
def new_inbox(request: AgentRequest, kind: str) -> HttpResponse:
    return edit(request, Inbox(kind=kind))


@hides_secrets
@never_cache
@require_POST
@for_admins
def test_new(request: AgentRequest, kind: str) -> HttpResponse:
    return test(request, Inbox(kind=kind))


def edit(request: AgentRequest, edited: Inbox) -> HttpResponse:
    """The form, and what was sent with it. The caller lets only admins come here."""
    form = _form(edited, request.POST or None)
    if form.is_valid() and (account := _saved(request, form)):
        _open_hook(request, form.provider, account)
        return redirect("inboxes:inbox", edited.pk)
    return _page(request, form, status=422 if form.errors else 200)


def test(request: AgentRequest, tested: Inbox) -> HttpResponse:
    """Try what the form says, saving nothing. htmx gets the steps alone: what was typed stays."""
    form = _form(tested, request.POST)
    checks: Any = ()
    if form.is_valid():
        with vault.trying(form.secrets()):
            checks = form.provider.check(Account(inbox=form.filled(), config=form.config()))
    if not request.headers.get("HX-Request"):
        return _page(request, form, checks=checks, status=422 if form.errors else 200)
    problems = [
        (form[name].label if name in form.fields else "", errors)
        for name, errors in form.errors.items()
    ]
    return render(request, "inboxes/_checks.html", {"checks": checks, "problems": problems})


def new_secret(request: AgentRequest, hooked: Inbox) -> HttpResponse:
    """What its calls are signed with from now on. The caller lets only admins come here."""
    made = signatures.new_secret()
    vault.replace(hooked, secret_of(hooked), made)
    return _page(request, _form(hooked), hook_secret=made)


def secret_of(inbox: Inbox) -> str:
    """The name of what its calls are signed with. Raises Http404 where we make no such secret."""
    provider = _form(inbox).provider
    if not provider.makes_secret:
        raise Http404
    return provider.secret


def _saved(request: AgentRequest, form: ProviderForm) -> Account | None:
    """Inbox and account in one transaction, once the provider has said whose account it is; a
    refusal is written on the form."""
    is_new, inbox = form.inbox.pk is None, form.filled()
    try:
        if form.is_other_account:
            inbox.address = _introduced(form, inbox)
        with transaction.atomic():
            desk_inboxes.save(inbox, by=request.user)
            out.allow(inbox, form.cleaned_data["per_minute"])
            return accounts.connect(inbox, form.config(), form.secrets())
    except ConnectError as error:
        form.add_error(None, error.error)
    except BadInput as error:
        form.add_error(None, str(error.message))
    if is_new:
        inbox.pk = None
    return None


def _introduced(form: ProviderForm, inbox: Inbox) -> str:
    """Raises ConnectError."""
    with vault.trying(form.secrets()):
        return form.provider.introduce(Account(inbox=inbox, config=form.config()))


def _open_hook(request: AgentRequest, provider: Provider, account: Account) -> None:
    try:
        provider.open_hook(account)
    except ConnectError as error:
        text = _("Saved. The provider could not be told where to call: %(error)s")
        messages.warning(request, text % {"error": error.error})
    else:
        messages.success(request, _("Saved. Messages come in from now on."))


def _form(edited: Inbox, data: Mapping[str, Any] | None = None) -> ProviderForm:
    try:
        provider = provider_of(edited.kind)
    except KeyError:
        raise Http404 from None
    return ProviderForm(data, provider=provider, inbox=edited, known=accounts.config_of(edited))


def _page(
    request: AgentRequest, form: ProviderForm, *, status: int = 200, **more: object
) -> HttpResponse:
    inbox, provider = form.inbox, form.provider
    context: dict[str, object] = {"form": form, "inbox": inbox, "provider": provider, **more}
    account = Account.objects.filter(inbox=inbox).first() if inbox.pk else None
    if account and provider.is_called(account):
        context["hook_url"] = provider.hook_address(inbox)
        context["has_secret"] = vault.has(inbox, provider.secret)
        context["has_secret_before"] = vault.has_before(inbox, provider.secret)
    if account:
        context["health"] = how_it_does(inbox)
    return render(request, "inboxes/provider.html", context, status=status)
