"""Inboxes: through which messages come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework import serializers

from conversations.api.doors import door
from conversations.api.paging import Page, Paged, page
from conversations.api.shapes import Shape
from conversations.models import Inbox, Restriction, Template, TemplateState

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


class TemplateOut(Shape[Template]):
    """A message the provider approved beforehand. `places` are to be filled in: each with its `key`
    for `values` of a reply, its `name` in the text and an `example`."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    language = serializers.CharField()
    category = serializers.CharField()
    state = serializers.ChoiceField(TemplateState.choices, help_text="Only `ready` ones go out.")
    header = serializers.CharField()
    body = serializers.CharField()
    footer = serializers.CharField()
    places = serializers.ListField(child=serializers.DictField())


@door(takes=Paged, gives=InboxOut, paged=True)
def listing(request: ApiRequest, asked: dict[str, Any]) -> Page:
    """List inboxes: the open ones, and restricted ones of the agent's teams."""
    return page(Inbox.objects.visible_to(request.user), asked)


@door(takes=Paged, gives=TemplateOut, paged=True)
def templates(request: ApiRequest, asked: dict[str, Any], pk: int) -> Page:
    """List the templates of an inbox."""
    return page(Template.objects.filter(inbox=_inbox(request, pk)), asked)


@door(gives=InboxOut)
def one(request: ApiRequest, pk: int) -> Inbox:
    """Read an inbox."""
    return _inbox(request, pk)


def _inbox(request: ApiRequest, pk: int) -> Inbox:
    found = Inbox.objects.visible_to(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
