"""Which agents are at their desks: a lease in the database that their sockets renew, and what they
chose to be while it lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from conversations import doorbells, wake
from conversations.errors import BadInput
from conversations.models import Agent, Clock, Presence, PresenceState

if TYPE_CHECKING:
    from collections.abc import Iterable

# Heartbeats come every 25 s; one may be missed, and a page may take its time to load again.
LASTS: Final = timedelta(seconds=75)

# In one order for everybody; a lease is never shortened. Answers with who is another than
# colleagues were told.
RENEW: Final = """
WITH before AS MATERIALIZED (
  SELECT agent_id, told FROM conversations_presence WHERE agent_id = ANY(%(ids)s)
), kept AS (
  INSERT INTO conversations_presence AS lease (agent_id, online_until, told)
  SELECT id, clock_timestamp() + %(lasts)s * interval '1 second', chosen_state
  FROM conversations_agent WHERE id = ANY(%(ids)s) AND is_active ORDER BY id
  ON CONFLICT (agent_id) DO UPDATE
  SET online_until = excluded.online_until, told = excluded.told, told_at = CASE
    WHEN lease.told = excluded.told THEN lease.told_at ELSE clock_timestamp() END
  WHERE lease.online_until < excluded.online_until
  RETURNING agent_id, told
)
SELECT kept.agent_id, kept.told FROM kept LEFT JOIN before USING (agent_id)
WHERE before.told IS DISTINCT FROM kept.told
"""
STATE: Final = """CASE WHEN p.online_until > clock_timestamp() AND a.is_active
  THEN a.chosen_state ELSE 'offline' END"""
# Who is another than colleagues were told; who tells it first tells it alone.
CHANGED: Final = f"""
WITH now AS MATERIALIZED (
  SELECT p.agent_id, {STATE} AS state FROM conversations_presence p
  JOIN conversations_agent a ON a.id = p.agent_id
  WHERE p.told <> {STATE} ORDER BY p.agent_id FOR NO KEY UPDATE OF p SKIP LOCKED
)
UPDATE conversations_presence p SET told = now.state, told_at = clock_timestamp()
FROM now WHERE p.agent_id = now.agent_id
RETURNING p.agent_id, p.told
"""
OF_ALL: Final = f"""
SELECT p.agent_id, {STATE} FROM conversations_presence p
JOIN conversations_agent a ON a.id = p.agent_id
"""
STATES: Final = f"{OF_ALL} WHERE p.agent_id = ANY(%s)"


def renew(agents: Iterable[int]) -> None:
    """These agents (by id) are here, for a while more."""
    ids = sorted(set(agents))
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(RENEW, {"ids": ids, "lasts": LASTS.total_seconds()})
            _tell(cursor.fetchall())


def choose(agent: Agent, state: str) -> None:
    """What they are to their colleagues while a page of theirs is open, until they choose anew.

    Choosing the same again changes nothing. Raises BadInput for what is no state.
    """
    if state not in PresenceState.values:
        raise BadInput
    with transaction.atomic():
        Presence.objects.get_or_create(agent=agent, defaults={"online_until": Clock()})
        Presence.objects.select_for_update(no_key=True).get(pk=agent.pk)
        Agent.objects.filter(pk=agent.pk).update(chosen_state=state)
        agent.chosen_state = state
        tell_changes()


def tell_changes() -> int:
    """Tell colleagues who went or chose something else. Returns how many."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(CHANGED)
            changed = cursor.fetchall()
        _tell(changed)
        return len(changed)


def _tell(changed: Iterable[tuple[int, str]]) -> None:
    """Who comes may be given what waits, and has again what was offered for them meanwhile."""
    for agent, state in changed:
        doorbells.ring_presence(agent, state)
        if state != PresenceState.OFFLINE:
            wake.wake(wake.ASSIGN, queue="fast")


def states(agents: Iterable[int] | None = None) -> dict[int, str]:
    """What these agents (by id), or all, are now; who never came is missing."""
    with connection.cursor() as cursor:
        if agents is None:
            cursor.execute(OF_ALL)
        else:
            cursor.execute(STATES, [list(agents)])
        return dict(cursor.fetchall())


def online(agents: Iterable[int] | None = None) -> frozenset[int]:
    """Ids of the agents who have a page open now, of these or of all, whatever they chose."""
    rows = Presence.objects.here()
    if agents is not None:
        rows = rows.filter(agent__in=list(agents))
    return frozenset(rows.values_list("agent", flat=True))


def is_online(agent: Agent) -> bool:
    return agent.pk in online([agent.pk])
