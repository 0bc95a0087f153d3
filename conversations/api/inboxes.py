"""Inboxes: through which messages come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework import serializers

from conversations.api.doors import door
from conversations.api.paging import Page, Paged, page
from conversations.api.shapes import Shape
from conversations.models import Inbox, Restriction

if TYPE_CHECKING:
    from conversations.api.requests import ApiRequest


class InboxOut(Shape[Inbox]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField(
        source="channel", help_text="The medium, whoever provides it: email, chat, sms, whatsapp …"
    )
    address = serializers.CharField()
    team = serializers.IntegerField(source="team_id")
    is_active = serializers.BooleanField()
    restriction = serializers.ChoiceField(Restriction.choices, allow_blank=True)


@door(takes=Paged, gives=InboxOut, paged=True)
def listing(request: ApiRequest, asked: dict[str, Any]) -> Page:
    """List inboxes: the open ones, and restricted ones of the agent's teams."""
    return page(Inbox.objects.visible_to(request.user), asked)


@door(gives=InboxOut)
def one(request: ApiRequest, pk: int) -> Inbox:
    """Read an inbox."""
    found = Inbox.objects.visible_to(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
