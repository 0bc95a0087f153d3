"""A shift ends: who works it is told, and what they leave behind is offered to the next shift.

Both are due times in rows, looked for by the sweeper: a wake-up that is lost, or a process that
dies between two lines, costs time and nothing else.

- Telling one end, writing down who leaves, and planning the next end is one transaction: it has
  happened whole, or is met again.
- Each ticket that is left is offered in a transaction of its own, and only while it is still the
  agent's, unresolved and offered to nobody. After a crash the sweep goes on with the others; a
  leaving is settled last, in a transaction of its own, so it is gone through again until there is
  nothing left in it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import translation
from django.utils.translation import gettext as _

from conversations import doorbells, left_work, rota, shifts
from conversations.models import Draft, Leaving, Offer, ShiftEnd, Status, Team, Ticket
from conversations.models.offers import LONGEST
from conversations.sweeping import each
from conversations.thread import database_now, locked

if TYPE_CHECKING:
    from datetime import datetime

    from conversations.models import Agent, Shift
    from conversations.models.tickets import TicketQuerySet
    from conversations.rota import Stretch

BATCH: Final = 100
# After the end of a shift, for who is just finishing something.
GRACE: Final = timedelta(minutes=10)


def left_with(agent: Agent, team: int) -> TicketQuerySet:
    """What an agent has in a team that can't wait until they are back and nobody is offered: the
    customer waits for us, was promised something, or an answer is half written. The rest wakes in
    its time."""
    offered = Offer.objects.open().filter(ticket=OuterRef("pk"))
    return of_agent(agent, [team]).filter(~Exists(offered))


def of_agent(agent: Agent, teams: list[int]) -> TicketQuerySet:
    """The same with what is offered already."""
    begun = Draft.objects.filter(ticket=OuterRef("pk"), agent=agent).exclude(text="")
    rows = Ticket.objects.unresolved().filter(agent=agent, team__in=teams)
    return rows.filter(Q(status=Status.OPEN) | Q(promised_at__isnull=False) | Exists(begun))


def tell_due() -> int:
    """Tell who works a shift that it is about to end. Returns how many ends were told."""
    rows = ShiftEnd.objects.filter(told_at=None, tell_at__lte=database_now())
    due = rows.select_related("shift__team").order_by("tell_at", "pk")
    return each(list(due[:BATCH]), _tell)


def settle_due() -> int:
    """Offer what was left behind at the end of shifts. Returns how many leavings were settled."""
    rows = Leaving.objects.open().filter(settle_at__lte=database_now())
    due = rows.select_related("agent", "team", "shift").order_by("settle_at", "pk")
    return each(list(due[:BATCH]), _settle)


def _tell(seen: ShiftEnd) -> bool:
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=seen.shift.team_id)
        fresh = ShiftEnd.objects.filter(pk=seen.pk, told_at=None).first()
        if fresh is None:
            return False
        now = database_now()
        fresh.told_at = now
        fresh.save(update_fields=["told_at"])
        shift = seen.shift
        if shift.removed_at is None:
            shifts.plan_next(shift, max(now, fresh.ends_at))
            for agent in _leaving(shift, fresh.ends_at):
                _write_down(agent, shift, now, fresh.ends_at)
                doorbells.ring_shift(agent.pk)
    return True


def _leaving(shift: Shift, ends_at: datetime) -> list[Agent]:
    """Who works this shift and none that is on when it ends."""
    every = rota.shifts_of([shift.team_id])
    stay = {who.pk for one in rota.on(every, ends_at) for who in one.workers}
    mine = next((one for one in every if one.pk == shift.pk), None)
    workers = [worker.agent for worker in mine.workers.all()] if mine else []
    return [agent for agent in workers if agent.pk not in stay]


def _write_down(agent: Agent, shift: Shift, now: datetime, ends_at: datetime) -> None:
    Leaving.objects.get_or_create(
        agent=agent,
        team_id=shift.team_id,
        ends_at=ends_at,
        defaults={"shift": shift, "told_at": now, "settle_at": ends_at + GRACE},
    )


def _settle(leaving: Leaving) -> bool:
    to = rota.next_after(rota.shifts_of([leaving.team_id]), leaving.ends_at, but=leaving.agent)
    left = left_with(leaving.agent, leaving.team_id).order_by("deadline_at", "pk")
    tickets, gone_through = list(left.values_list("pk", flat=True)), []

    def offer(pk: int) -> bool:
        done = _offer(pk, leaving, to)
        gone_through.append(pk)
        return done

    each(tickets, offer)
    # One that broke is met again; who has it is written down until then.
    if len(gone_through) < len(tickets):
        return False
    if not Leaving.objects.open().filter(pk=leaving.pk).update(settled_at=database_now()):
        return False
    doorbells.ring_shift(leaving.agent_id)
    return True


def _offer(pk: int, leaving: Leaving, to: Stretch | None) -> bool:
    seen = Ticket.objects.select_related("team", "agent").get(pk=pk)
    with translation.override(left_work.language_of(seen.team)):
        why = _("The shift of %(name)s is over.") % {"name": leaving.agent}
        packet = left_work.packet_of(seen, why)
    with locked(seen.origin_id) as thread:
        fresh = Ticket.objects.select_related("team", "agent").get(pk=pk)
        mine = (fresh.team_id, fresh.agent_id) == (leaving.team_id, leaving.agent_id)
        if not mine or fresh.is_resolved or Offer.objects.open().filter(ticket=fresh).exists():
            return False
        made = left_work.leave(
            thread,
            fresh,
            of=leaving.agent,
            packet=packet,
            why=why,
            warm=True,
            within=LONGEST,
            shift=to,
        )
        return made is not None
