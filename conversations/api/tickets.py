"""Tickets: lists of them, and what is done with one: taken, handed on, put off, finished."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from conversations import ownership, tickets
from conversations.api.doors import door
from conversations.api.paging import LARGEST, Page, Paged, page
from conversations.api.shown import TicketOut
from conversations.models import Agent, Scope, Status, Team, Ticket
from conversations.permissions import conversation_for, ticket_for

if TYPE_CHECKING:
    from datetime import datetime

    from conversations.api.requests import ApiRequest
    from conversations.models.tickets import TicketQuerySet

LONGEST_SNOOZE = timedelta(days=366 * 3)


class Owner(serializers.RegexField):
    """The id of an agent, "me", or "none"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"^(me|none|[0-9]{1,18})$", **kwargs)


class TicketsAsked(Paged):
    status = serializers.ChoiceField(Status.choices, default=Status.OPEN)
    team = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    agent = Owner(required=False, help_text='Its owner: an id, "me", or "none".')


class EpochIn(serializers.Serializer[Any]):
    epoch = serializers.IntegerField(
        min_value=1, max_value=LARGEST, help_text="Of the ticket as you saw it; 409 if it moved on."
    )


class AssignIn(EpochIn):
    """To a team and somebody of it; without `agent` to the team, without `team` within its own."""

    team = serializers.PrimaryKeyRelatedField(queryset=Team.objects.all(), required=False)
    agent = serializers.PrimaryKeyRelatedField(
        queryset=Agent.objects.filter(is_active=True), required=False, allow_null=True
    )

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        if "team" not in told and "agent" not in told:
            raise serializers.ValidationError(_("Name a team, an agent, or both."))
        return told


class SnoozeIn(serializers.Serializer[Any]):
    until = serializers.DateTimeField()

    def validate_until(self, until: datetime) -> datetime:
        if until > timezone.now() + LONGEST_SNOOZE:
            raise serializers.ValidationError(
                _("That is more than three years away. Resolve it instead.")
            )
        return until


class ResolveIn(serializers.Serializer[Any]):
    promises = serializers.ChoiceField(
        [("kept", _("kept")), ("withdrawn", _("no longer needed"))],
        required=False,
        help_text="What becomes of those that are open; 409 `promises_open` without it.",
    )


class TicketChange(serializers.Serializer[Any]):
    subject = serializers.CharField(max_length=300, allow_blank=True)


@door(takes=TicketsAsked, gives=TicketOut, paged=True)
def listing(request: ApiRequest, asked: dict[str, Any]) -> Page:
    """List tickets of one status: by deadline, resolved ones newest first."""
    rows = Ticket.objects.visible_to(request.user).filter(status=asked["status"])
    if "team" in asked:
        rows = rows.filter(team=asked["team"])
    if "agent" in asked:
        rows = _of_owner(rows, asked["agent"], request.user)
    if asked["status"] == Status.RESOLVED:
        return page(rows, asked, by="resolved_at", down=True)
    return page(rows, asked, by="deadline_at")


@door(takes=Paged, gives=TicketOut, paged=True)
def of_conversation(request: ApiRequest, asked: dict[str, Any], pk: int) -> Page:
    """List the tickets of a conversation, oldest first."""
    found = conversation_for(request.user, pk)
    return page(Ticket.objects.visible_to(request.user).filter(conversation=found), asked)


@door(gives=TicketOut)
def one(request: ApiRequest, pk: int) -> Ticket:
    """Read a ticket."""
    return ticket_for(request.user, pk)


@door(Scope.WRITE, takes=TicketChange, gives=TicketOut)
def change(request: ApiRequest, told: dict[str, Any], pk: int) -> Ticket:
    """Give it another subject."""
    ticket = ticket_for(request.user, pk, to="act")
    return tickets.rename(ticket, by=request.user, **told) if told else ticket


@door(Scope.WRITE, takes=EpochIn, gives=TicketOut)
def take(request: ApiRequest, told: dict[str, Any], pk: int) -> Ticket:
    """Make it the agent's own."""
    ticket = ticket_for(request.user, pk, to="act")
    return ownership.take(ticket, by=request.user, epoch=told["epoch"])


@door(Scope.WRITE, takes=EpochIn, gives=TicketOut)
def release(request: ApiRequest, told: dict[str, Any], pk: int) -> Ticket:
    """Give it back to its team."""
    ticket = ticket_for(request.user, pk, to="act")
    return ownership.release(ticket, by=request.user, epoch=told["epoch"])


@door(Scope.WRITE, takes=AssignIn, gives=TicketOut)
def assign(request: ApiRequest, told: dict[str, Any], pk: int) -> Ticket:
    """Give it to somebody of its team, or to another team."""
    ticket = ticket_for(request.user, pk, to="act")
    team, agent = told.get("team", ticket.team), told.get("agent")
    by, epoch = request.user, told["epoch"]
    if team.pk != ticket.team_id:
        return ownership.move_to_team(ticket, team=team, agent=agent, by=by, epoch=epoch)
    if agent:
        return ownership.assign(ticket, to=agent, by=by, epoch=epoch)
    return ownership.release(ticket, by=by, epoch=epoch)


@door(Scope.WRITE, takes=SnoozeIn, gives=TicketOut)
def snooze(request: ApiRequest, told: dict[str, Any], pk: int) -> Ticket:
    """Put it out of sight until a time, or until the customer writes."""
    ticket = ticket_for(request.user, pk, to="act")
    return tickets.snooze(ticket, until=told["until"], by=request.user)


@door(Scope.WRITE, gives=TicketOut)
def pending(request: ApiRequest, pk: int) -> Ticket:
    """Wait for the customer."""
    return tickets.set_pending(ticket_for(request.user, pk, to="act"), by=request.user)


@door(Scope.WRITE, takes=ResolveIn, gives=TicketOut)
def resolve(request: ApiRequest, told: dict[str, Any], pk: int) -> Ticket:
    """Finish it, and what was promised in it."""
    ticket = ticket_for(request.user, pk, to="act")
    return tickets.resolve(ticket, by=request.user, **told)


@door(Scope.WRITE, gives=TicketOut)
def reopen(request: ApiRequest, pk: int) -> Ticket:
    """Open it again."""
    return tickets.reopen(ticket_for(request.user, pk, to="act"), by=request.user)


def _of_owner(rows: TicketQuerySet, owner: str, me: Agent) -> TicketQuerySet:
    if owner == "none":
        return rows.filter(agent=None, bot=None)
    return rows.filter(agent=me.pk if owner == "me" else int(owner))
