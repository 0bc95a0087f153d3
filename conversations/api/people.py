"""Who works here: teams, agents, and whom the token stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Prefetch
from django.http import Http404
from rest_framework import serializers

from conversations.api.doors import door
from conversations.api.paging import Page, Paged, page
from conversations.api.requests import may_see_addresses
from conversations.api.shapes import Shape
from conversations.models import Agent, ApiToken, Membership, Role, Scope, Team

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from conversations.api.requests import ApiRequest


Row = TypeVar("Row")


class TeamOut(Shape[Team]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    respond_within = serializers.SerializerMethodField(help_text="In seconds.")
    follow_up_after = serializers.SerializerMethodField(help_text="In seconds.")
    members = serializers.SerializerMethodField(help_text="Agents who can act.")

    def get_respond_within(self, team: Team) -> int:
        return int(team.respond_within.total_seconds())

    def get_follow_up_after(self, team: Team) -> int:
        return int(team.follow_up_after.total_seconds())

    def get_members(self, team: Team) -> list[int]:
        return [place.agent_id for place in team.memberships.all()]


class AgentOut(Shape[Agent]):
    """`email` and `role` are null unless an admin's token has the scope `people`."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    is_active = serializers.BooleanField()
    teams = serializers.SerializerMethodField()
    email = serializers.EmailField(allow_null=True)
    role = serializers.ChoiceField(Role.choices, allow_null=True)

    def get_teams(self, agent: Agent) -> list[int]:
        return [place.team_id for place in agent.memberships.all()]

    def to_representation(self, agent: Agent) -> dict[str, Any]:
        told: dict[str, Any] = super().to_representation(agent)
        request: ApiRequest = self.context["request"]
        if agent.pk != request.user.pk and not may_see_addresses(request):
            told |= {"email": None, "role": None}
        return told


class TokenOut(Shape[ApiToken]):
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    expires_at = serializers.DateTimeField(allow_null=True)


class MeOut(serializers.Serializer[Any]):
    agent = AgentOut()
    token = TokenOut()


@door(gives=MeOut)
def me(request: ApiRequest) -> dict[str, Any]:
    """Whom this token stands for, and what it may do."""
    return {"agent": _agents().get(pk=request.user.pk), "token": request.auth}


@door(takes=Paged, gives=TeamOut, paged=True)
def teams(request: ApiRequest, asked: dict[str, Any]) -> Page:
    """List teams."""
    return page(_teams(), asked)


@door(gives=TeamOut)
def team(request: ApiRequest, pk: int) -> Team:
    """Read a team."""
    return _found(_teams().filter(pk=pk).first())


@door(takes=Paged, gives=AgentOut, paged=True)
def agents(request: ApiRequest, asked: dict[str, Any]) -> Page:
    """List agents, those who left included: history names them."""
    return page(_agents(), asked)


@door(gives=AgentOut)
def agent(request: ApiRequest, pk: int) -> Agent:
    """Read an agent."""
    return _found(_agents().filter(pk=pk).first())


def _teams() -> QuerySet[Team]:
    return Team.objects.prefetch_related(_places())


def _agents() -> QuerySet[Agent]:
    return Agent.objects.prefetch_related(_places())


def _places() -> Prefetch[str, Any, Any]:
    return Prefetch("memberships", Membership.objects.filter(active=True).order_by("pk"))


def _found(row: Row | None) -> Row:
    if row is None:
        raise Http404
    return row
