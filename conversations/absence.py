"""Who is offline for long leaves nobody waiting: what they have is offered to their team, by the
desk, until somebody accepts it or they are back.

Also where a team has nobody who can act: what waits there is offered to whoever stands in for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from conversations import left_work, offers, presence
from conversations.handoffs import ANSWER_WITHIN
from conversations.models import Membership, Offer, PresenceState, Team, Ticket
from conversations.models.offers import LONGEST
from conversations.presence import STATE
from conversations.sweeping import each
from conversations.thread import locked

if TYPE_CHECKING:
    from conversations.models import Agent

BATCH: Final = 100
OFFLINE_SINCE: Final = f"CASE WHEN p.told = 'offline' AND {STATE} = 'offline' THEN p.told_at END"
# What can't wait for its owner: the customer waits for us, was promised something, or an answer is
# half written. What only sleeps wakes in its time, and is found then.
CANNOT_WAIT: Final = """(t.status = 'open' OR t.promised_at IS NOT NULL OR EXISTS (
  SELECT FROM conversations_draft d
  WHERE d.ticket_id = t.id AND d.agent_id = t.agent_id AND d.text <> ''))"""
# What a person took back stays with its owner, until they come and go again.
OF_ABSENT: Final = f"""
SELECT t.id FROM conversations_presence p JOIN conversations_agent a ON a.id = p.agent_id
JOIN conversations_ticket t ON t.agent_id = p.agent_id AND t.status <> 'resolved'
JOIN conversations_team m ON m.id = t.team_id
WHERE {OFFLINE_SINCE} + m.offline_grace <= clock_timestamp() AND {CANNOT_WAIT}
AND (t.restriction = '' AND t.team_id = ANY(%(stood_in)s) OR EXISTS (
  SELECT FROM conversations_membership o
  WHERE o.team_id = t.team_id AND o.active AND o.agent_id <> t.agent_id))
AND NOT EXISTS (SELECT FROM conversations_offer o WHERE o.ticket_id = t.id AND (
  o.state = 'offered' OR o.state = 'recalled' AND o.from_epoch = t.owner_epoch
  AND o.offered_by_id IS NULL AND o.offered_at >= {OFFLINE_SINCE}))
ORDER BY t.deadline_at, t.id LIMIT {BATCH}
"""
OF_EMPTY_TEAMS: Final = f"""
SELECT t.id FROM conversations_ticket t
WHERE t.team_id = ANY(%(empty)s) AND t.status = 'open' AND t.restriction = ''
AND t.agent_id IS NULL AND t.bot_id IS NULL
AND NOT EXISTS (
  SELECT FROM conversations_offer o WHERE o.ticket_id = t.id AND o.state = 'offered')
ORDER BY t.deadline_at, t.id LIMIT {BATCH}
"""


def offer_due() -> int:
    """Offer what has nobody who goes on with it. Returns how many."""
    empty, stood_in = _standing()
    found = _asked(OF_ABSENT, {"stood_in": sorted(stood_in)})
    if empty & stood_in:
        found = [*found, *_asked(OF_EMPTY_TEAMS, {"empty": sorted(empty & stood_in)})]
    return each(found, _offer_one)


def end_for_present() -> int:
    """Who is back has what was only offered meanwhile. Returns how many offers ended."""
    made_by_desk = Offer.objects.open().filter(warm=True, offered_by=None, to_shift=None)
    rows = made_by_desk.filter(from_agent__isnull=False)
    waiting = list(rows.select_related("ticket", "from_agent"))
    states = presence.states({row.from_agent_id for row in waiting if row.from_agent_id})
    back = {pk for pk, state in states.items() if state != PresenceState.OFFLINE}
    return each([row for row in waiting if row.from_agent_id in back], _end_one)


def _end_one(offer: Offer) -> bool:
    with locked(offer.ticket.origin_id) as thread:
        standing = Offer.objects.open().filter(pk=offer.pk)
        ticket = Ticket.objects.select_related("team").get(pk=offer.ticket_id)
        if not standing.exists() or ticket.agent_id != offer.from_agent_id:
            return False
        return offers.withdraw(thread, ticket, cause="back") is not None


def _offer_one(ticket_id: int) -> bool:
    seen = Ticket.objects.select_related("team", "agent").get(pk=ticket_id)
    with translation.override(left_work.language_of(seen.team)):
        why = _why(seen)
        packet = left_work.packet_of(seen, why)
    with locked(seen.origin_id) as thread:
        fresh = Ticket.objects.select_related("team", "agent").get(pk=ticket_id)
        if fresh.owner_epoch != seen.owner_epoch or fresh.is_resolved or fresh.bot_id:
            return False
        if Offer.objects.open().filter(ticket=fresh).exists() or _is_back(fresh.agent):
            return False
        within = ANSWER_WITHIN if fresh.agent and fresh.team.assigns_itself else LONGEST
        made = left_work.leave(
            thread, fresh, of=fresh.agent, packet=packet, why=why, warm=True, within=within
        )
        return made is not None


def _is_back(agent: Agent | None) -> bool:
    if agent is None:
        return False
    return presence.states([agent.pk]).get(agent.pk) != PresenceState.OFFLINE


def _why(ticket: Ticket) -> str:
    if ticket.agent is None:
        return _("Nobody of %(team)s can answer.") % {"team": ticket.team}
    return _("%(name)s is offline.") % {"name": ticket.agent}


def _standing() -> tuple[set[int], set[int]]:
    """Teams nobody can act in, and those for which somebody of another team stands in."""
    rows = Team.objects.values_list("pk", "parent", "is_last_stop")
    last = next((pk for pk, _parent, is_last in rows if is_last), None)
    parents = {pk: parent or last for pk, parent, _is_last in rows}
    acting = set(Membership.objects.filter(active=True).values_list("team", flat=True).distinct())
    return set(parents) - acting, {pk for pk in parents if _above(pk, parents) & acting}


def _above(team: int, parents: dict[int, int | None]) -> set[int]:
    """Who stands in for a team, as `Team.chain` says it, out of rows read before."""
    found: set[int] = set()
    above = parents[team]
    while above is not None and above != team and above not in found:
        found.add(above)
        above = parents[above]
    return found


def _asked(query: str, told: dict[str, list[int]]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(query, told)
        return [pk for (pk,) in cursor.fetchall()]
