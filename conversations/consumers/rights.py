"""Who is behind a connection, asked for many of them at once: sessions, roles, teams.

Everything here asks the database; call it by `in_thread`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.http import Http404
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from conversations import permissions
from conversations.models import Agent, Conversation, Identity, Membership, Team, Ticket
from conversations.models.identities import SHOWN_BY_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Rights:
    """What an agent may hear. A change of any of it ends the connection."""

    agent: int
    role: str
    teams: frozenset[int]


@dataclass(frozen=True)
class Caller:
    """An agent who is signed in, by their session; `short` is the name that customers see."""

    session: str
    name: str
    short: str
    rights: Rights


def session_key(scope: Mapping[str, Any]) -> str:
    """The session cookie of a connection, or ''."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                found = SimpleCookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
            except CookieError:
                return ""
            return found.value if found else ""
    return ""


def callers(sessions: Iterable[str]) -> dict[str, Caller]:
    """Who stands behind these sessions; those that ended, or whose agent may not sign in any more,
    are missing. Three queries."""
    agents = _agents_of(_session_data(sessions))
    ids = {agent.pk for agent in agents.values()}
    teams = defaultdict(set)
    rows = Membership.objects.filter(agent__in=ids, active=True)
    for agent_id, team_id in rows.values_list("agent", "team"):
        teams[agent_id].add(team_id)
    return {
        key: Caller(
            key,
            str(agent),
            agent.get_short_name(),
            Rights(agent.pk, agent.role, frozenset(teams[agent.pk])),
        )
        for key, agent in agents.items()
    }


def every_team() -> list[int]:
    """Tickets that aren't restricted are read by everybody, whatever their team."""
    return list(Team.objects.values_list("pk", flat=True))


def may_read(agent: int, conversation: int) -> bool:
    """By the loader of pages."""
    try:
        permissions.conversation_for(Agent(pk=agent), conversation)
    except Http404:
        return False
    return True


def unreadable(watched: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Of these (agent, conversation) those that may not be read. Only conversations with something
    restricted in them are asked for one by one."""
    ids = {conversation for _agent, conversation in watched}
    live = _live_of(ids)
    restricted = set(
        Ticket.objects.filter(conversation__in=set(live.values()))
        .exclude(restriction="")
        .values_list("conversation", flat=True)
    )
    doubtful = {pair for pair in watched if live.get(pair[1]) in restricted}
    return {pair for pair in doubtful if not may_read(*pair)}


def visitors_of(conversation: int, identity: int) -> list[int]:
    """Whose windows show that an agent writes: that of one identity, or those of all visitors of a
    conversation. Where something is restricted, only of the one that was named."""
    rows = Identity.objects.filter(conversation=conversation, kind__in=SHOWN_BY_US)
    if identity:
        rows = rows.filter(pk=identity)
    elif Ticket.objects.filter(conversation=conversation).exclude(restriction="").exists():
        return []
    return sorted({row.stream_key for row in rows})


def heads(ids: Iterable[int]) -> dict[int, int]:
    """The heads of conversations as they are shown today: of a joined one, that of the live one."""
    rows = Conversation.objects.filter(pk__in=set(ids)).values_list(
        "pk", "head", "merged_into__head"
    )
    return {pk: head if into is None else into for pk, head, into in rows}


def _live_of(ids: Iterable[int]) -> dict[int, int]:
    rows = Conversation.objects.filter(pk__in=ids).values_list("pk", "merged_into")
    return {pk: into or pk for pk, into in rows}


def _session_data(sessions: Iterable[str]) -> dict[str, dict[str, Any]]:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    rows = store.get_model_class().objects.filter(
        session_key__in={key for key in sessions if key}, expire_date__gt=timezone.now()
    )
    return {row.session_key: row.get_decoded() for row in rows}


def _agents_of(data: Mapping[str, dict[str, Any]]) -> dict[str, Agent]:
    ids = {int(told[SESSION_KEY]) for told in data.values() if SESSION_KEY in told}
    agents = {agent.pk: agent for agent in Agent.objects.filter(pk__in=ids, is_active=True)}
    return {
        key: agent
        for key, told in data.items()
        if (agent := agents.get(int(told.get(SESSION_KEY, 0)))) and _signed_by(told, agent)
    }


def _signed_by(told: dict[str, Any], agent: Agent) -> bool:
    """A session ends when its agent's password changes."""
    given = told.get(HASH_SESSION_KEY, "")
    hashes = [agent.get_session_auth_hash(), *agent.get_session_auth_fallback_hash()]
    return any(constant_time_compare(given, known) for known in hashes)
