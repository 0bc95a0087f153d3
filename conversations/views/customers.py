"""The customer beside the thread: name, memo, addresses; and writing one down by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from conversations import customers
from conversations.errors import BadInput
from conversations.forms.customers import (
    AddressForm,
    CustomerForm,
    IdentityForm,
    MemoForm,
    NewCustomerForm,
)
from conversations.models import Identity
from conversations.permissions import conversation_for
from conversations.views.access import for_agents
from conversations.views.answers import at_conversation, back, checked, done

if TYPE_CHECKING:
    from conversations.views.access import AgentRequest

VERBS = {
    "block": customers.block,
    "unblock": customers.unblock,
    "clear": customers.clear_undeliverable,
}


@require_http_methods(["GET", "POST"])
@for_agents
def new_customer(request: AgentRequest) -> HttpResponse:
    form = NewCustomerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            made = customers.create_by_hand(
                name=told["name"], addresses=form.addresses(), by=request.user, memo=told["memo"]
            )
            return redirect("conversations:conversation", made.conversation.pk)
        except BadInput as error:
            form.add_error(None, str(error.message))
    status = 422 if form.errors else 200
    return render(request, "conversations/new_customer.html", {"form": form}, status=status)


@require_POST
@for_agents
def name(request: AgentRequest, pk: int) -> HttpResponse:
    found = conversation_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(CustomerForm(request.POST))
    customers.rename(found.customer, name=told["name"], by=request.user)
    return redirect(back(request, at_conversation(found.pk)))


@require_POST
@for_agents
def memo(request: AgentRequest, pk: int) -> HttpResponse:
    found = conversation_for(request.user, pk, to="act")
    told: dict[str, Any] = checked(MemoForm(request.POST))
    customers.write_memo(found.customer, memo=told["memo"])
    return done(request, back(request, at_conversation(found.pk)), _("Saved."))


@require_POST
@for_agents
def address(request: AgentRequest, pk: int) -> HttpResponse:
    """Write down one more way to reach this customer."""
    found = conversation_for(request.user, pk, to="act")
    form = AddressForm(request.POST)
    checked(form)
    customers.add_address(found, form.address(), by=request.user)
    return redirect(back(request, at_conversation(found.pk)))


@require_POST
@for_agents
def decide(request: AgentRequest, pk: int) -> HttpResponse:
    """Block an address, take that back, or say that it can be written to again."""
    identity = Identity.objects.filter(pk=pk).first()
    if identity is None:
        raise Http404
    found = conversation_for(request.user, identity.conversation_id, to="act")
    told: dict[str, Any] = checked(IdentityForm(request.POST))
    VERBS[told["action"]](identity, by=request.user)
    return done(request, back(request, at_conversation(found.pk)))
