"""Customers. A customer's id is that of their conversation: each has exactly one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, Q, Subquery
from rest_framework import serializers

from conversations import customers
from conversations.api.doors import door
from conversations.api.identities import IdentityIn
from conversations.api.paging import Page, Paged, page
from conversations.api.shapes import Shape
from conversations.models import Conversation, Identity, Scope, Ticket
from conversations.permissions import conversation_for

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from conversations.api.requests import ApiRequest
    from conversations.models import Agent


FEW = 50


class CustomerOut(Shape[Conversation]):
    """A person we talk with. The id of one that was joined with another leads to the live one."""

    id = serializers.IntegerField()
    name = serializers.CharField(source="customer.name")
    language = serializers.CharField(source="customer.language")
    memo = serializers.CharField(source="customer.memo")
    created_at = serializers.DateTimeField(source="customer.created_at")


class CustomersAsked(Paged):
    address = serializers.CharField(
        required=False, max_length=320, help_text="Only whoever has exactly this address."
    )


class CustomerIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, allow_blank=True, default="")
    memo = serializers.CharField(max_length=5000, allow_blank=True, default="")
    identities = IdentityIn(many=True, max_length=20, min_length=1)  # type: ignore[call-arg]


class CustomerChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, allow_blank=True)
    memo = serializers.CharField(max_length=5000, allow_blank=True)


def readable(agent: Agent) -> QuerySet[Conversation]:
    """Live conversations with something in them the agent may read, or with nothing at all: what
    the loader lets them see, as a list.

    Not by EXISTS: for that PostgreSQL may read all tickets of all before the first row.
    """
    own = Ticket.objects.filter(conversation=OuterRef("pk"))
    rows = Conversation.objects.live().select_related("customer")
    return rows.alias(
        readable=Subquery(own.visible_to(agent).values("pk")[:1]),
        first=Subquery(own.values("pk")[:1]),
    ).filter(Q(readable__isnull=False) | Q(first=None))


@door(takes=CustomersAsked, gives=CustomerOut, paged=True)
def listing(request: ApiRequest, asked: dict[str, Any]) -> Page:
    """List customers, oldest first, or find the one with an address."""
    rows = readable(request.user)
    if "address" in asked:
        found = Identity.objects.filter(value__in=customers.stored_forms(asked["address"]))
        rows = rows.filter(pk__in=list(found.values_list("conversation", flat=True)[:FEW]))
    return page(rows, asked)


@door(Scope.WRITE, takes=CustomerIn, gives=CustomerOut, status=201, needs_key=True)
def create(request: ApiRequest, told: dict[str, Any]) -> Conversation:
    """Write a customer down.

    Each address must be new; its proof is the agent's word (`attested`).
    """
    made = customers.create_by_hand(
        name=told["name"],
        memo=told["memo"],
        addresses=[one["address"] for one in told["identities"]],
        by=request.user,
    )
    return conversation_for(request.user, made.conversation.pk)


@door(gives=CustomerOut)
def one(request: ApiRequest, pk: int) -> Conversation:
    """Read a customer."""
    return conversation_for(request.user, pk)


@door(Scope.WRITE, takes=CustomerChange, gives=CustomerOut)
def change(request: ApiRequest, told: dict[str, Any], pk: int) -> Conversation:
    """Change a customer's name or memo."""
    found = conversation_for(request.user, pk, to="act")
    if "name" in told:
        customers.rename(found.customer, name=told["name"], by=request.user)
    if "memo" in told:
        customers.write_memo(found.customer, memo=told["memo"])
    return conversation_for(request.user, pk)
