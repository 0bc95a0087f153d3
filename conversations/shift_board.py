"""The board of a shift change: what an agent hands over and what is handed to them, all in one go.

Each ticket is offered or accepted in a transaction of its own, so that what doesn't go holds up
nothing else; it is told by name, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from conversations import handoffs, packets, rota, shift_ends
from conversations.errors import BadInput, DomainError
from conversations.left_work import fitting
from conversations.models import Entry, Leaving, Membership, Offer, Ticket
from conversations.moments import Reader
from conversations.packets import Packet
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from conversations.models import Agent, Shift, Team
    from conversations.rota import Stretch

Row = TypeVar("Row", Ticket, Offer)

MOST: Final = 50
# Each is a form of a dozen fields and more, and one request may send a thousand.
MOST_OWN: Final = 25
# Whoever begins has a lot to read.
ANSWER_WITHIN: Final = handoffs.ANSWER_WITHIN * 6


@dataclass(frozen=True)
class TeamShifts:
    """How the shifts of one team stand for an agent. `ends_at` is when they leave: they are on
    shift, or were told of its end; `told`: it is time to hand over. `next` is the shift that they
    hand over to, which may be on already; of who isn't on shift, the next to begin."""

    team: Team
    on: Sequence[Stretch]
    next: Stretch | None
    ends_at: datetime | None
    told: bool


@dataclass(frozen=True)
class Refused:
    """What didn't go, and why."""

    ticket: Ticket
    why: str


def standing(agent: Agent, now: datetime | None = None) -> list[TeamShifts]:
    """The shifts of the teams that an agent is in."""
    at = now or database_now()
    every = rota.shifts_of(Membership.objects.acting_teams(agent))
    told = {one.team_id: one for one in Leaving.objects.open().filter(agent=agent)}
    teams = {shift.team_id: shift.team for shift in every}
    return [
        _of_team(agent, team, [one for one in every if one.team_id == pk], told.get(pk), at)
        for pk, team in sorted(teams.items(), key=lambda pair: pair[1].name)
    ]


def _of_team(
    agent: Agent, team: Team, shifts: list[Shift], told: Leaving | None, at: datetime
) -> TeamShifts:
    ends_at = told.ends_at if told else rota.end_of(shifts, agent, at)
    after = rota.hands_over_at(shifts, agent, told, at)
    to = rota.next_after(shifts, after, but=agent) if ends_at else rota.next_to_begin(shifts, at)
    return TeamShifts(team, rota.on(shifts, at), to, ends_at, told is not None)


def own(
    agent: Agent, teams: Iterable[int], *, after: int | None = None
) -> tuple[list[Ticket], int | None]:
    """What an agent has in these teams to hand over: what is offered to nobody before the rest,
    what is due first first. One page of it, from behind the ticket `after` (by id), and the last
    one's id where more follows."""
    offered = Exists(Offer.objects.open().filter(ticket=OuterRef("pk")))
    rows = shift_ends.of_agent(agent, list(teams)).annotate(is_offered=offered)
    place = rows.filter(pk=after or 0).values_list("is_offered", "deadline_at").first()
    if place:
        later = Q(deadline_at__gt=place[1]) | Q(deadline_at=place[1], pk__gt=after)
        rows = rows.filter(Q(is_offered=True) & later if place[0] else Q(is_offered=True) | later)
    people = rows.select_related("team", "agent", "conversation__customer", "inbox")
    return _page(people.order_by("is_offered", "deadline_at", "pk")[: MOST_OWN + 1], MOST_OWN)


def _page(rows: Iterable[Row], most: int) -> tuple[list[Row], int | None]:
    found = list(rows)
    return found[:most], found[most - 1].pk if len(found) > most else None


def offers_of(tickets: Iterable[Ticket]) -> dict[int, Offer]:
    """What is offered of these tickets already, by ticket."""
    rows = Offer.objects.open().filter(ticket__in=[one.pk for one in tickets]).with_people()
    return {row.ticket_id: row for row in rows}


def drafted(tickets: Sequence[Ticket], ends: Mapping[int, datetime | None]) -> dict[int, Packet]:
    """A packet for each ticket out of its thread; `ends` says when the shift ends, by team."""
    filled = packets.prefilled_of(tickets)
    return {one.pk: fitting(filled[one.pk], one, _why(ends.get(one.team_id))) for one in tickets}


def _why(ends_at: datetime | None) -> str:
    if ends_at is None:
        return _("I go off shift.")
    return _("My shift ends at %(at)s.") % {"at": Reader.here().soon(ends_at)}


def offer_all(
    tickets: Sequence[Ticket], written: Mapping[int, tuple[int, Packet]], *, by: Agent
) -> tuple[list[Offer], list[Refused]]:
    """Offer each of these tickets to the next shift of its team, with the epoch and the packet
    that are `written` for it. Returns the offers, and what was not offered."""
    next_of: dict[int, Stretch | None] = {}
    offered: list[Offer] = []
    refused: list[Refused] = []
    for ticket in tickets:
        if ticket.team_id not in next_of:
            next_of[ticket.team_id] = rota.next_for(by, ticket.team, database_now())
        try:
            offered.append(_offer(ticket, written[ticket.pk], next_of[ticket.team_id], by))
        except DomainError as error:
            refused.append(Refused(ticket, str(error.message)))
    return offered, refused


def next_shift(team: Team, *, by: Agent) -> Stretch:
    """To whom `by` hands over as to the next shift of a team. Raises BadInput where none does."""
    return _follows(rota.next_for(by, team, database_now()))


def _follows(found: Stretch | None) -> Stretch:
    if found is None:
        raise BadInput(_("No other shift follows. Offer it to a colleague or a team."))
    return found


def _offer(ticket: Ticket, written: tuple[int, Packet], next_: Stretch | None, by: Agent) -> Offer:
    to = _follows(next_)
    epoch, packet = written
    return handoffs.offer(
        ticket,
        team=to.shift.team,
        shift=to,
        by=by,
        epoch=epoch,
        packet=packet,
        within=ANSWER_WITHIN,
    )


def incoming(agent: Agent, *, after: int | None = None) -> tuple[list[Offer], int | None]:
    """What is offered to the shifts an agent works, also before they begin; what is due first
    first. `wrote` says that the customer wrote since the packet. One page, from behind the offer
    `after` (by id), and the last one's id where more follows."""
    wrote = Entry.objects.filter(
        ticket=OuterRef("ticket"), direction="in", rev__gt=OuterRef("packet_head")
    )
    rows = Offer.objects.in_time().to(agent).filter(to_shift__isnull=False)
    rows = rows.visible_to(agent)
    place = rows.filter(pk=after or 0).values_list("opens_at", "ticket__deadline_at").first()
    if place:
        later = Q(ticket__deadline_at__gt=place[1]) | Q(ticket__deadline_at=place[1], pk__gt=after)
        rows = rows.filter(Q(opens_at__gt=place[0]) | Q(opens_at=place[0]) & later)
    shown = rows.with_people().annotate(wrote=Exists(wrote))
    people = shown.select_related("ticket__conversation__customer", "ticket__team", "ticket__inbox")
    soonest = people.order_by("opens_at", "ticket__deadline_at", "pk")
    return _page(soonest.prefetch_related("declines__agent")[: MOST + 1], MOST)


def accept_all(offers: Iterable[Offer], *, by: Agent) -> tuple[list[Offer], list[Refused]]:
    """Accept each of these, having read its packet and no more. Returns those accepted, and what
    was not, with who has it meanwhile."""
    accepted: list[Offer] = []
    refused: list[Refused] = []
    for offer in offers:
        try:
            seen = offer.packet_head
            accepted.append(handoffs.accept(offer, by=by, seen_head=seen, restatement=None))
        except DomainError as error:
            refused.append(Refused(offer.ticket, _why_not(offer, error)))
    return accepted, refused


def _why_not(offer: Offer, error: DomainError) -> str:
    now = Ticket.objects.select_related("agent").get(pk=offer.ticket_id)
    if now.owner_epoch != offer.from_epoch and now.agent:
        return _("%(name)s has it already.") % {"name": now.agent}
    return str(error.message)
