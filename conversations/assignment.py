"""Giving what waits in a team to whoever is online and has room, by the rule the team chose.

What is planned is read without locks and may be old when it is written. So whatever decides is
looked at again under the locks: the ticket still waits at the same epoch, the agent is still online
and has room. A few are given in one transaction, which waits for no conversation; what somebody is
at, or what didn't go that way, is given by itself. Wake-ups only say that there may be something to
do; a sweep finds what they miss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db import connection

from conversations import ownership
from conversations.columns import Columns, parted, relate
from conversations.errors import BadInput
from conversations.models import Agent, Assigning, Status, Team, Ticket
from conversations.sweeping import each, tried
from conversations.thread import SYSTEM, locked, locked_free
from conversations.workload import LOAD, WEIGHT, WITH_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from conversations.thread import Thread

BATCH: Final = 200
# Whoever writes in one of the conversations waits for that long.
TOGETHER: Final = 25

TAKERS: Final = f"""
SELECT a.id, a.capacity, ({LOAD}), coalesce(extract(epoch FROM m.assigned_at), 0)::float
FROM conversations_membership m JOIN conversations_agent a ON a.id = m.agent_id
JOIN conversations_presence p ON p.agent_id = a.id
WHERE m.team_id = %(team)s AND m.active AND a.is_active AND a.chosen_state = 'online'
AND p.online_until > clock_timestamp()
"""
# Not for who declined it, or was the last to give it back; `knows` is who of the takers last had
# anything of this customer.
WAITING: Final = f"""
SELECT t.id, t.origin_id, t.conversation_id, t.owner_epoch, {WEIGHT},
  (SELECT h.agent_id FROM conversations_ticket x
   JOIN conversations_ownership h ON h.ticket_id = x.id
   WHERE x.conversation_id = t.conversation_id AND h.agent_id = ANY(%(takers)s)
   ORDER BY h.since DESC LIMIT 1) AS knows,
  ARRAY(SELECT d.agent_id FROM conversations_decline d
    JOIN conversations_offer o ON o.id = d.offer_id WHERE o.ticket_id = t.id
    AND NOT EXISTS (SELECT FROM conversations_offer y
      WHERE y.ticket_id = t.id AND y.state = 'accepted' AND y.id >= o.id)) AS declined,
  coalesce((SELECT h.actor FROM conversations_ownership h
   WHERE h.ticket_id = t.id AND h.epoch = t.owner_epoch AND h.epoch > 1), '') AS given_back_by
FROM conversations_ticket t {WITH_WEIGHT}
WHERE t.team_id = %(team)s AND t.status = 'open' AND t.agent_id IS NULL AND t.bot_id IS NULL
AND NOT EXISTS (
  SELECT FROM conversations_offer o WHERE o.ticket_id = t.id AND o.state = 'offered')
ORDER BY t.deadline_at, t.id LIMIT {BATCH}
"""
TICKET, TEAM, AGENT = Columns(Ticket), Columns(Team), Columns(Agent)
# Offers are made and ended under the same locks.
READ: Final = f"""
SELECT {TICKET.of("t")}, {TEAM.of("m")} FROM conversations_ticket t
JOIN conversations_team m ON m.id = t.team_id
WHERE t.id = ANY(%(tickets)s) AND t.conversation_id = ANY(%(conversations)s)
AND NOT EXISTS (
  SELECT FROM conversations_offer o WHERE o.ticket_id = t.id AND o.state = 'offered')
"""
# Who got the last of them has the latest turn.
GOT: Final = """
UPDATE conversations_membership m
SET assigned_at = statement_timestamp() + got.place * interval '1 microsecond'
FROM (SELECT team, agent, max(place) AS place
  FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS each(team, agent, place)
  GROUP BY team, agent) got
WHERE m.team_id = got.team AND m.agent_id = got.agent
"""
# Whoever gives the same agents something else waits here, and counts this with the rest.
LOCK: Final = """
SELECT FROM conversations_presence WHERE agent_id = ANY(%s) ORDER BY agent_id FOR NO KEY UPDATE
"""
ROOM: Final = f"""
SELECT {AGENT.of("a")}, CASE WHEN a.is_active AND a.chosen_state = 'online'
  AND p.online_until > clock_timestamp() THEN a.capacity - ({LOAD}) ELSE 0 END
FROM conversations_agent a LEFT JOIN conversations_presence p ON p.agent_id = a.id
WHERE a.id = ANY(%s)
"""


@dataclass
class Taker:
    """An agent who is online, and what they have to do; `turn` is when they last got something."""

    agent: int
    capacity: int
    load: int
    turn: float

    @property
    def room(self) -> int:
        return self.capacity - self.load


@dataclass(frozen=True)
class Waiting:
    """A ticket as it waited when the plan was made."""

    ticket: int
    origin: int
    conversation: int
    epoch: int
    units: int
    knows: int | None
    declined: Sequence[int]
    given_back_by: str

    def is_for(self, taker: Taker) -> bool:
        if taker.agent in self.declined or self.given_back_by == f"agent:{taker.agent}":
            return False
        return self.units <= taker.room


@dataclass(frozen=True)
class Gift:
    """What is planned to be given to an agent (by id), who perhaps `knows` the customer."""

    one: Waiting
    to: int
    knows: bool = False


@dataclass
class Room:
    """What an agent can be given yet; nothing while they are not online."""

    agent: Agent
    units: int


def assign_due() -> int:
    """Give what waits in all teams that assign by themselves. Returns how many were given."""
    teams = Team.objects.exclude(assigns=Assigning.OFF).order_by("pk")
    return sum(assign_in(team) for team in teams)


def assign_in(team: Team) -> int:
    """Give what waits in one team, until nothing fits any more. Returns how many were given."""
    done = 0
    while given := _one_round(team):
        done += given
    return done


def _one_round(team: Team) -> int:
    takers = {taker.agent: taker for taker in takers_of(team)}
    if not any(taker.room > 0 for taker in takers.values()):
        return 0
    waiting, done = waiting_in(team, list(takers)), 0
    for at in range(0, len(waiting), TOGETHER):
        done += _place_some(waiting[at : at + TOGETHER], team, takers)
    return done


def takers_of(team: Team) -> list[Taker]:
    with connection.cursor() as cursor:
        cursor.execute(TAKERS, {"team": team.pk})
        return [Taker(*row) for row in cursor.fetchall()]


def waiting_in(team: Team, takers: Sequence[int]) -> list[Waiting]:
    """What waits longest first."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"team": team.pk, "takers": list(takers)})
        return [Waiting(*row) for row in cursor.fetchall()]


def _place_some(some: Sequence[Waiting], team: Team, takers: dict[int, Taker]) -> int:
    """Those it fits together, then by itself what nobody has by that."""
    gifts = _plan(some, team, takers)
    if not gifts:
        return 0
    given = tried(give_together, gifts) or frozenset()
    for gift in gifts:
        if gift.one.ticket in given:
            _count(gift, takers)
    left = [gift.one for gift in gifts if gift.one.ticket not in given]
    return len(given) + each(left, lambda one: _place(one, team, takers))


def _plan(some: Sequence[Waiting], team: Team, takers: dict[int, Taker]) -> list[Gift]:
    """Whom each fits best, where those before it have been given."""
    soon, gifts = {pk: replace(taker) for pk, taker in takers.items()}, []
    for one in some:
        chosen = choose(one, team, list(soon.values()))
        if chosen:
            gifts.append(Gift(one, chosen.agent, knows=chosen.agent == one.knows))
            _count(gifts[-1], soon)
    return gifts


def _count(gift: Gift, takers: dict[int, Taker]) -> None:
    got = takers[gift.to]
    got.load += gift.one.units
    got.turn = max(taker.turn for taker in takers.values()) + 1


def _place(one: Waiting, team: Team, takers: dict[int, Taker]) -> bool:
    """Try those it fits, the best first; who turns out to have no room is asked no more."""
    while gifts := _plan([one], team, takers):
        [gift] = gifts
        given = give(one, to=gift.to, knows=gift.knows)
        if given:
            _count(gift, takers)
        if given is not False:
            return bool(given)
        del takers[gift.to]
    return False


def choose(one: Waiting, team: Team, takers: Sequence[Taker]) -> Taker | None:
    """By the team's rule, of those who have room for it."""
    fitting = [taker for taker in takers if one.is_for(taker)]
    known = [taker for taker in fitting if taker.agent == one.knows]
    if team.last_agent_first and known:
        return known[0]
    if team.assigns == Assigning.LEAST_LOADED:
        return min(
            fitting, key=lambda who: (who.load / who.capacity, who.turn, who.agent), default=None
        )
    return min(fitting, key=lambda who: (who.turn, who.agent), default=None)


def give(one: Waiting, *, to: int, knows: bool = False) -> bool | None:
    """Make an agent (by id) the owner of what waited. None when it doesn't wait any more, as it did
    when the plan was made; False when they are not online or have no room. Both change nothing."""
    with locked(one.origin) as thread:
        return _given([Gift(one, to, knows)], [thread])[one.ticket]


def give_together(gifts: Sequence[Gift]) -> frozenset[int]:
    """The same for several in one transaction. Returns the tickets (by id) that were given; the
    others are as they were, some only because somebody was at their conversations."""
    with locked_free({gift.one.conversation for gift in gifts}) as threads:
        answers = _given(gifts, threads)
        return frozenset(ticket for ticket, given in answers.items() if given)


def _given(gifts: Sequence[Gift], threads: Sequence[Thread]) -> dict[int, bool | None]:
    """What `give` answers for each, under the locks of these conversations."""
    here = {thread.conversation.pk: thread for thread in threads}
    waiting = _read([gift.one.ticket for gift in gifts], here)
    rooms = _rooms({gift.to for gift in gifts})
    answers: dict[int, bool | None] = {}
    got: list[tuple[int, int]] = []
    for gift in gifts:
        ticket = waiting.get(gift.one.ticket)
        if ticket is None or not _still_waits(ticket, gift.one):
            answers[gift.one.ticket] = None
            continue
        given = _hand(gift, ticket, here[ticket.conversation_id], rooms[gift.to])
        answers[ticket.pk] = given
        if given:
            got.append((ticket.team_id, gift.to))
    _took_turns(got)
    return answers


def _hand(gift: Gift, ticket: Ticket, thread: Thread, room: Room) -> bool:
    if not _has_room(room, gift.one.units):
        return False
    why = "knows" if gift.knows else "next"
    try:
        ownership.apply(
            thread, ticket, "assigned", by=SYSTEM, team=ticket.team, agent=room.agent, reason=why
        )
    except BadInput:
        return False  # they left the team
    room.units -= gift.one.units
    return True


def _still_waits(ticket: Ticket, one: Waiting) -> bool:
    same = ticket.owner_epoch == one.epoch and ticket.status == Status.OPEN
    return same and ticket.is_unowned


def _has_room(room: Room, units: int) -> bool:
    return room.units >= units


def _read(tickets: Sequence[int], conversations: Collection[int]) -> dict[int, Ticket]:
    """Those of these tickets (by id) that are in these conversations and not offered, with their
    teams. By hand, as a thousand may wait."""
    asked = {"tickets": list(tickets), "conversations": list(conversations)}
    with connection.cursor() as cursor:
        cursor.execute(READ, asked)
        rows = [parted(row, TICKET, TEAM) for row in cursor.fetchall()]
    for ticket, team in rows:
        relate(ticket, team=team)
    return {ticket.pk: ticket for ticket, _team in rows}


def _rooms(agents: Collection[int]) -> dict[int, Room]:
    """Of agents (by id), under locks of their own: of two who give them something, the second one
    counts what the first one gave."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [list(agents)])
        # In a statement of its own, as it has to see what was committed while we waited.
        cursor.execute(ROOM, [list(agents)])
        found = [(AGENT.made(values), units) for *values, units in cursor.fetchall()]
    return {agent.pk: Room(agent, units) for agent, units in found}


def _took_turns(got: Sequence[tuple[int, int]]) -> None:
    """Agents of teams (by id) in the order they were given something."""
    if got:
        with connection.cursor() as cursor:
            cursor.execute(GOT, [list(each) for each in zip(*got, strict=True)])
