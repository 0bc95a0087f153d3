"""Conversations: the one lifelong thread of each customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from conversations.api import customers
from conversations.api.customers import CustomerOut
from conversations.api.doors import door
from conversations.api.links import Link
from conversations.api.paging import Page, Paged, page
from conversations.api.shapes import Shape
from conversations.models import Conversation
from conversations.permissions import conversation_for

if TYPE_CHECKING:
    from conversations.api.requests import ApiRequest


class ConversationOut(Shape[Conversation]):
    """`head` is the number of its newest change: from there `entries/?since=` goes on, and it is
    what a reply names as `seen_head`."""

    id = serializers.IntegerField()
    head = serializers.IntegerField()
    last_at = serializers.DateTimeField()
    customer = CustomerOut(source="*")
    url = Link("conversations:conversation", "pk")


@door(takes=Paged, gives=ConversationOut, paged=True)
def listing(request: ApiRequest, asked: dict[str, Any]) -> Page:
    """List conversations, oldest first."""
    return page(customers.readable(request.user), asked)


@door(gives=ConversationOut)
def one(request: ApiRequest, pk: int) -> Conversation:
    """Read a conversation. The id of one that was joined with another answers with the live one."""
    return conversation_for(request.user, pk)
