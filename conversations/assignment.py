"""Giving what waits in a team to whoever is online and has room, by the rule the team chose.

What is planned is read without locks and may be old when it is written. So whatever decides is
looked at again under the locks: the ticket still waits at the same epoch, the agent is still online
and has room. Wake-ups only say that there may be something to do; a sweep finds what they miss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection

from conversations import ownership
from conversations.errors import BadInput
from conversations.models import Agent, Assigning, Clock, Membership, Offer, Status, Team, Ticket
from conversations.sweeping import each
from conversations.thread import SYSTEM, locked
from conversations.workload import LOAD, WEIGHT, WITH_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH: Final = 200

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
SELECT t.id, t.origin_id, t.owner_epoch, {WEIGHT},
  (SELECT h.agent_id FROM conversations_ticket x
   JOIN conversations_ownership h ON h.ticket_id = x.id
   WHERE x.conversation_id = t.conversation_id AND h.agent_id = ANY(%(takers)s)
   ORDER BY h.since DESC LIMIT 1) AS knows,
  ARRAY(SELECT d.agent_id FROM conversations_decline d
    JOIN conversations_offer o ON o.id = d.offer_id WHERE o.ticket_id = t.id
    AND NOT EXISTS (SELECT FROM conversations_offer y
      WHERE y.ticket_id = t.id AND y.state = 'accepted' AND y.id >= o.id)) AS declined,
  (SELECT h.actor FROM conversations_ownership h
   WHERE h.ticket_id = t.id AND h.epoch = t.owner_epoch AND h.epoch > 1) AS given_back_by
FROM conversations_ticket t {WITH_WEIGHT}
WHERE t.team_id = %(team)s AND t.status = 'open' AND t.agent_id IS NULL AND t.bot_id IS NULL
AND NOT EXISTS (
  SELECT FROM conversations_offer o WHERE o.ticket_id = t.id AND o.state = 'offered')
ORDER BY t.deadline_at, t.id LIMIT {BATCH}
"""
# Whoever gives the same agent something else waits here, and counts this one with the rest.
LOCK: Final = "SELECT FROM conversations_presence WHERE agent_id = %s FOR NO KEY UPDATE"
ROOM: Final = f"""
SELECT a.capacity - ({LOAD}) FROM conversations_agent a
JOIN conversations_presence p ON p.agent_id = a.id
WHERE a.id = %s AND a.is_active AND a.chosen_state = 'online'
AND p.online_until > clock_timestamp()
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
    epoch: int
    units: int
    knows: int | None
    declined: tuple[int, ...]
    given_back_by: str

    def is_for(self, taker: Taker) -> bool:
        if taker.agent in self.declined or self.given_back_by == f"agent:{taker.agent}":
            return False
        return self.units <= taker.room


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
    return each(waiting_in(team, list(takers)), lambda one: _place(one, team, takers))


def takers_of(team: Team) -> list[Taker]:
    with connection.cursor() as cursor:
        cursor.execute(TAKERS, {"team": team.pk})
        return [Taker(*row) for row in cursor.fetchall()]


def waiting_in(team: Team, takers: Sequence[int]) -> list[Waiting]:
    """What waits longest first."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"team": team.pk, "takers": list(takers)})
        return [
            Waiting(ticket, origin, epoch, units, knows, tuple(declined), given_back_by or "")
            for ticket, origin, epoch, units, knows, declined, given_back_by in cursor.fetchall()
        ]


def _place(one: Waiting, team: Team, takers: dict[int, Taker]) -> bool:
    """Try those it fits, the best first; who turns out to have no room is asked no more."""
    while chosen := choose(one, team, list(takers.values())):
        given = give(one, to=chosen.agent, knows=chosen.agent == one.knows)
        if given is None:
            return False
        if given:
            chosen.load += one.units
            chosen.turn = max(taker.turn for taker in takers.values()) + 1
            return True
        del takers[chosen.agent]
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
        fresh = Ticket.objects.select_related("team").get(pk=one.ticket)
        if not _still_waits(fresh, one):
            return None
        if not _has_room(to, one.units):
            return False
        agent = Agent.objects.get(pk=to)
        why = "knows" if knows else "next"
        try:
            ownership.apply(
                thread, fresh, "assigned", by=SYSTEM, team=fresh.team, agent=agent, reason=why
            )
        except BadInput:
            return False  # they left the team
        places = Membership.objects.filter(team=fresh.team_id, agent=agent)
        places.update(assigned_at=Clock())
        return True


def _still_waits(ticket: Ticket, one: Waiting) -> bool:
    if ticket.owner_epoch != one.epoch or ticket.status != Status.OPEN or not ticket.is_unowned:
        return False
    return not Offer.objects.open().filter(ticket=ticket).exists()


def _has_room(agent: int, units: int) -> bool:
    """Under a lock of the agent's own: of two who give them something, the second one counts what
    the first one gave."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [agent])
        # In a statement of its own, as it has to see what was committed while we waited.
        cursor.execute(ROOM, [agent])
        row = cursor.fetchone()
        return row is not None and row[0] >= units
