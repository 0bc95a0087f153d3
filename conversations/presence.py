"""Which agents are at their desks: a lease in the database that their sockets renew."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.db.models.functions import Now

from conversations.models import Presence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conversations.models import Agent

# Heartbeats come every 25 s; one may be missed, and a page may take its time to load again.
LASTS: Final = timedelta(seconds=75)

# In one order for everybody; a lease is never shortened.
RENEW = """
INSERT INTO conversations_presence AS lease (agent_id, online_until)
SELECT id, clock_timestamp() + %s * interval '1 second'
FROM conversations_agent WHERE id = ANY(%s) ORDER BY id
ON CONFLICT (agent_id) DO UPDATE SET online_until = excluded.online_until
WHERE lease.online_until < excluded.online_until
"""


def renew(agents: Iterable[int]) -> None:
    """These agents (by id) are here, for a while more."""
    ids = sorted(set(agents))
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(RENEW, [LASTS.total_seconds(), ids])


def online(agents: Iterable[int] | None = None) -> frozenset[int]:
    """Ids of the agents who are here now, of these or of all."""
    rows = Presence.objects.filter(online_until__gt=Now(), agent__is_active=True)
    if agents is not None:
        rows = rows.filter(agent__in=list(agents))
    return frozenset(rows.values_list("agent", flat=True))


def is_online(agent: Agent) -> bool:
    return agent.pk in online([agent.pk])
