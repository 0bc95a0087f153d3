"""How much an agent has to do, in units of their capacity: each channel weighs something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from conversations.errors import BadInput
from conversations.models import Agent, ChannelWeight
from conversations.models.weights import DEFAULT_WEIGHTS, MOST_UNITS, OTHER_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Of a ticket of the inbox `i`, with the weight `w` of its channel, if that was set.
WEIGHT: Final = "coalesce(w.units, CASE i.kind {} ELSE {} END)".format(
    " ".join(f"WHEN '{kind}' THEN {units}" for kind, units in DEFAULT_WEIGHTS.items()),
    OTHER_WEIGHT,
)
WITH_WEIGHT: Final = """LEFT JOIN conversations_inbox i ON i.id = t.inbox_id
LEFT JOIN conversations_channelweight w ON w.kind = i.kind"""
# What waits for us; and a chat just answered goes on, though it waits for the customer.
LOAD: Final = f"""
SELECT coalesce(sum({WEIGHT}), 0)::int FROM conversations_ticket t {WITH_WEIGHT}
WHERE t.agent_id = a.id AND t.status <> 'resolved' AND (t.status = 'open' OR (
  t.status = 'pending' AND i.kind = 'chat'
  AND t.active_at > clock_timestamp() - interval '10 minutes'))
"""
LOADS: Final = f"SELECT a.id, ({LOAD}) FROM conversations_agent a WHERE a.id = ANY(%s)"


def loads(agents: Iterable[int]) -> dict[int, int]:
    """What these agents (by id) have to do now, in units."""
    with connection.cursor() as cursor:
        cursor.execute(LOADS, [list(agents)])
        return dict(cursor.fetchall())


def weights(kinds: Iterable[str]) -> dict[str, int]:
    """What a conversation weighs on each of these channels, as it counts today."""
    known = dict(ChannelWeight.objects.values_list("kind", "units"))
    return {kind: known.get(kind, DEFAULT_WEIGHTS.get(kind, OTHER_WEIGHT)) for kind in kinds}


@transaction.atomic
def set_weights(units: Mapping[str, int]) -> None:
    """Raises BadInput for what is no number of units."""
    for kind, weight in units.items():
        if not 1 <= weight <= MOST_UNITS:
            raise BadInput
        ChannelWeight.objects.update_or_create(kind=kind, defaults={"units": weight})


def set_capacity(agent: Agent, *, units: int) -> None:
    """How much an agent is given by itself; 0 for nothing."""
    if not 0 <= units <= MOST_UNITS:
        raise BadInput
    Agent.objects.filter(pk=agent.pk).update(capacity=units)
