"""What was promised to customers: made, kept, put off, no longer needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework import serializers

from conversations import promise_lists, promises
from conversations.api.doors import door
from conversations.api.links import page_of
from conversations.api.paging import LARGEST, Page, Paged, page
from conversations.api.shapes import Shape
from conversations.models import Promise, PromiseChannel, PromiseState, Scope
from conversations.models.promises import LONGEST_PROMISE
from conversations.permissions import entry_for, promise_for, ticket_for
from conversations.promise_lists import Whose

if TYPE_CHECKING:
    from conversations.api.requests import ApiRequest
    from conversations.models import Agent, Entry, Ticket


class PromisesAsked(Paged):
    whose = serializers.ChoiceField(Whose.choices, default=Whose.MINE)


class PromiseIn(serializers.Serializer[Any]):
    """What will be done for the customer, by when (a year ahead at most), and perhaps how. `entry`
    is the message or note of the ticket that says so."""

    text = serializers.CharField(max_length=LONGEST_PROMISE)
    due_at = serializers.DateTimeField()
    channel = serializers.ChoiceField(PromiseChannel.choices, default="", allow_blank=True)
    entry = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=LARGEST
    )


class PutOffIn(serializers.Serializer[Any]):
    due_at = serializers.DateTimeField()


class DropIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=LONGEST_PROMISE)


class PromiseOut(Shape[Promise]):
    """A promise. It is whoever's its ticket is (`agent`). Kept when its time was over, it is broken
    and `late`."""

    id = serializers.IntegerField()
    ticket = serializers.IntegerField(source="ticket_id")
    conversation = serializers.IntegerField(source="ticket.conversation_id")
    agent = serializers.IntegerField(source="ticket.agent_id", allow_null=True)
    entry = serializers.IntegerField(source="entry_id", allow_null=True)
    text = serializers.CharField()
    channel = serializers.ChoiceField(PromiseChannel.choices, allow_blank=True)
    due_at = serializers.DateTimeField()
    warned_at = serializers.DateTimeField(
        allow_null=True, help_text="When its owner was told that it is due soon."
    )
    state = serializers.ChoiceField(PromiseState.choices)
    late = serializers.BooleanField()
    made_by = serializers.IntegerField(source="made_by_id", allow_null=True)
    made_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.IntegerField(source="closed_by_id", allow_null=True)
    reason = serializers.CharField()
    url = serializers.SerializerMethodField(help_text="Its page.")

    def get_url(self, promise: Promise) -> str:
        conversation = page_of("conversations:conversation", promise.ticket.conversation_id)
        return f"{conversation}?ticket={promise.ticket_id}"


@door(takes=PromisesAsked, gives=PromiseOut, paged=True)
def listing(request: ApiRequest, asked: dict[str, Any]) -> Page:
    """List open promises by when they are due."""
    rows = promise_lists.in_list(request.user, Whose(asked["whose"]))
    return page(rows.select_related("ticket"), asked, by="due_at")


@door(takes=Paged, gives=PromiseOut, paged=True)
def of_ticket(request: ApiRequest, asked: dict[str, Any], pk: int) -> Page:
    """List every promise of a ticket, oldest first."""
    rows = Promise.objects.filter(ticket=ticket_for(request.user, pk))
    return page(rows.select_related("ticket"), asked)


@door(gives=PromiseOut)
def one(request: ApiRequest, pk: int) -> Promise:
    """Read a promise."""
    return promise_for(request.user, pk)


@door(Scope.WRITE, takes=PromiseIn, gives=PromiseOut, status=201, needs_key=True)
def make(request: ApiRequest, told: dict[str, Any], pk: int) -> Promise:
    """Keep something that is promised to the customer of a ticket.

    The same open promise again is answered with the first.
    """
    ticket = ticket_for(request.user, pk, to="act")
    made = promises.promise(
        ticket,
        by=request.user,
        text=told["text"],
        due_at=told["due_at"],
        channel=told["channel"],
        entry=_entry(request.user, ticket, told.get("entry")),
    )
    return promise_for(request.user, made.pk)


@door(Scope.WRITE, gives=PromiseOut)
def keep(request: ApiRequest, pk: int) -> Promise:
    """Say that it is done; broken and `late` when its time was over.

    409 `promise_over` for one that ended otherwise.
    """
    promises.keep(promise_for(request.user, pk, to="act"), by=request.user)
    return promise_for(request.user, pk)


@door(Scope.WRITE, gives=PromiseOut)
def give_up(request: ApiRequest, pk: int) -> Promise:
    """Say that it is broken: it was not done, and won't be."""
    promises.give_up(promise_for(request.user, pk, to="act"), by=request.user)
    return promise_for(request.user, pk)


@door(Scope.WRITE, takes=DropIn, gives=PromiseOut)
def drop(request: ApiRequest, told: dict[str, Any], pk: int) -> Promise:
    """Say that it is no longer needed, and why."""
    found = promise_for(request.user, pk, to="act")
    promises.withdraw(found, by=request.user, reason=told["reason"])
    return promise_for(request.user, pk)


@door(Scope.WRITE, takes=PutOffIn, gives=PromiseOut)
def put_off(request: ApiRequest, told: dict[str, Any], pk: int) -> Promise:
    """Give it another time, which the customer was told.

    One that is overdue is broken by that, and answered with a new one in its place.
    """
    found = promise_for(request.user, pk, to="act")
    stands = promises.reschedule(found, by=request.user, due_at=told["due_at"])
    return promise_for(request.user, stands.pk)


def _entry(agent: Agent, ticket: Ticket, pk: int | None) -> Entry | None:
    """Raises Http404 for one that isn't the ticket's."""
    if pk is None:
        return None
    entry = entry_for(agent, pk)
    if entry.ticket_id != ticket.pk:
        raise Http404
    return entry
