"""Addresses of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework import serializers

from conversations import customers
from conversations.api.doors import door
from conversations.api.paging import Page, Paged, page
from conversations.api.shapes import Shape
from conversations.customers import Address
from conversations.models import Identity, IdentityKind, Proof, Scope
from conversations.permissions import conversation_for

if TYPE_CHECKING:
    from conversations.api.requests import ApiRequest


class IdentityOut(Shape[Identity]):
    """An address of a customer, and how sure we are that it is theirs."""

    id = serializers.IntegerField()
    customer = serializers.IntegerField(source="conversation_id")
    kind = serializers.CharField(help_text="email, phone, chat …")
    value = serializers.CharField(source="shown", help_text="For a chat, the visitor's name.")
    label = serializers.CharField()  # type: ignore[assignment]
    proof = serializers.ChoiceField(Proof.choices)
    wrote_at = serializers.DateTimeField(
        allow_null=True, help_text="When it first wrote: from then on it can be answered."
    )
    undeliverable_at = serializers.DateTimeField(allow_null=True)
    undeliverable_reason = serializers.CharField()
    blocked_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class IdentityIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField([IdentityKind.EMAIL, IdentityKind.PHONE])
    value = serializers.CharField(max_length=320)

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"address": Address(str(told["kind"]), told["value"])}


@door(takes=Paged, gives=IdentityOut, paged=True)
def listing(request: ApiRequest, asked: dict[str, Any], pk: int) -> Page:
    """List the addresses of a customer."""
    found = conversation_for(request.user, pk)
    return page(Identity.objects.filter(conversation=found), asked)


@door(Scope.WRITE, takes=IdentityIn, gives=IdentityOut, status=201, needs_key=True)
def add(request: ApiRequest, told: dict[str, Any], pk: int) -> Identity:
    """Write down one more address of a customer.

    Its proof is the agent's word (`attested`). 422 where it belongs to another customer.
    """
    found = conversation_for(request.user, pk, to="act")
    return customers.add_address(found, told["address"], by=request.user)


@door(gives=IdentityOut)
def one(request: ApiRequest, pk: int) -> Identity:
    """Read one address."""
    found = Identity.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    conversation_for(request.user, found.conversation_id)
    return found
