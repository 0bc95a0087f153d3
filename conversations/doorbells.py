"""Doorbells: pushes that say only that something changed. Any of them may be lost.

What tells of a change is rung when its transaction has been committed, and never when it was
rolled back. Nothing here waits or fails because of Redis. Groups are what sockets listen to:

    conversation.<id>   {"type": "bell", "conversation", "head", "again"?},
                        {"type": "people", …}, {"type": "customer", …}
    team.<id>, restricted.<team id>, agent.<id>
                        {"type": "row", "ticket", "team", "owner", "status", "place", "offered"?,
                        "promised"?, "called"?}
    agent.<id>          {"type": "rights"}, {"type": "shift"}
    desk                {"type": "teams"}, {"type": "presence", "agent", "state"}
    visitor.<id>        {"type": "bell", "rev"}, {"type": "seen", "rev"},
                        {"type": "typing", "name", "on"}
    here.<id>           {"type": "who", "conversation"}: visitors of the conversation answer

Each message carries its group as "group".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from django.db import transaction

from conversations.ringing import SENDER, Bell, Key, Message

DESK: Final = "desk"
# Who lost a right must hear nothing more, so this bell is rung three times.
RIGHTS_ECHOES: Final = (0.7, 2.0)


def of_conversation(pk: int) -> str:
    return f"conversation.{pk}"


def of_team(pk: int) -> str:
    return f"team.{pk}"


def of_restricted(team: int) -> str:
    return f"restricted.{team}"


def of_agent(pk: int) -> str:
    return f"agent.{pk}"


def of_visitor(identity: int) -> str:
    return f"visitor.{identity}"


def of_visitors_in(conversation: int) -> str:
    return f"here.{conversation}"


@dataclass
class RowChange:
    """A ticket that changed, as lists tell it. `place` is the moment it is sorted by (ISO 8601);
    `teams` and `owners` are those it had before or has now, or is `offered` to; `promised`: other
    promises press its owner now; `called`: a call of it rings, or no longer does; a restricted one
    is told only to its teams' members and its owners."""

    ticket: int
    team: int
    owner: int | None
    status: str
    place: str
    restricted: bool
    offered: bool = False
    promised: bool = False
    called: bool = False
    teams: set[int] = field(default_factory=set)
    owners: set[int] = field(default_factory=set)

    @property
    def groups(self) -> list[str]:
        of = of_restricted if self.restricted else of_team
        teams = sorted(self.teams | {self.team})
        owners = sorted(self.owners | ({self.owner} if self.owner else set()))
        return [*map(of, teams), *map(of_agent, owners)]


def ring(
    conversation: int, head: int, *, again: bool = False, rows: Iterable[RowChange] = ()
) -> None:
    """On commit: this conversation has reached `head`. `again` says that other readers may see it
    now, so that whoever listens is checked anew."""
    _on_commit(partial(_ring, conversation, head, again, list(rows)))


def ring_visitor(identity: int, public_rev: int) -> None:
    """On commit: what this visitor may see has reached `public_rev`."""
    group = of_visitor(identity)
    told = {"type": "bell", "group": group, "rev": public_rev}
    _on_commit(partial(_put, (group, "bell"), told))


def ring_seen(identity: int, public_rev: int) -> None:
    """On commit: an agent had this visitor's own messages on screen, up to `public_rev`."""
    group = of_visitor(identity)
    told = {"type": "seen", "group": group, "rev": public_rev}
    _on_commit(partial(_put, (group, "seen"), told))


def ring_rights(agent: int) -> None:
    """On commit: role, teams, password or session of this agent changed."""
    group = of_agent(agent)
    told = {"type": "rights", "group": group}
    _on_commit(partial(_put, (group, "rights"), told, echoes=RIGHTS_ECHOES))


def ring_shift(agent: int) -> None:
    """On commit: a shift of this agent begins or ends, or what they leave with it changed."""
    group = of_agent(agent)
    _on_commit(partial(_put, (group, "shift"), {"type": "shift", "group": group}))


def ring_teams() -> None:
    """On commit: there is another team."""
    _on_commit(partial(_put, (DESK, "teams"), {"type": "teams", "group": DESK}))


def ring_presence(agent: int, state: str) -> None:
    """On commit: an agent is online, away, takes transfers only, or is offline."""
    told = {"type": "presence", "group": DESK, "agent": agent, "state": state}
    _on_commit(partial(_put, (DESK, "presence", agent), told))


def say_people(
    conversation: int, *, agent: int, name: str, viewing: bool, typing: str, ask: bool = False
) -> None:
    """At once, never stored: who looks at a conversation, and writes a "reply", a "note" or "".
    `ask` has the others who look at it say so too."""
    group = of_conversation(conversation)
    told = {"type": "people", "group": group, "conversation": conversation, "agent": agent}
    told |= {"name": name, "viewing": viewing, "typing": typing, "ask": ask}
    _put((group, "people", agent), told, aside=not ask)


def say_customer(conversation: int, *, here: bool, typing: bool) -> None:
    """At once, never stored: whether a visitor has the chat open, and is writing."""
    group = of_conversation(conversation)
    told = {"type": "customer", "group": group, "conversation": conversation}
    _put((group, "customer"), {**told, "here": here, "typing": typing})


def say_typing(identity: int, *, name: str, on: bool) -> None:
    """At once, never stored: an agent writes a reply to this visitor. Never for notes."""
    group = of_visitor(identity)
    told = {"type": "typing", "group": group, "name": name, "on": on}
    _put((group, "typing", name), told)


def ask_visitors(conversation: int) -> None:
    """At once: visitors of this conversation say again that they are here."""
    group = of_visitors_in(conversation)
    _put((group, "who"), {"type": "who", "group": group, "conversation": conversation})


def _ring(conversation: int, head: int, again: bool, rows: list[RowChange]) -> None:
    group = of_conversation(conversation)
    told: Message = {"type": "bell", "group": group, "conversation": conversation, "head": head}
    if again:
        told["again"] = True
    _put((group, "bell"), told)
    for row in rows:
        told = {"type": "row", "ticket": row.ticket, "team": row.team}
        told |= {"owner": row.owner, "status": row.status, "place": row.place}
        told |= {name: True for name in ("offered", "promised", "called") if getattr(row, name)}
        for name in row.groups:
            _put((name, "row", row.ticket), {**told, "group": name})


def _put(key: Key, told: Message, *, aside: bool = False, echoes: tuple[float, ...] = ()) -> None:
    SENDER.put(Bell(key, told["group"], told, echoes), aside=aside)


def _on_commit(put: Callable[[], None]) -> None:
    transaction.on_commit(put, robust=True)
