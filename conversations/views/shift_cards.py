"""The board of a shift change as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conversations import packets, shift_board
from conversations.forms.handing_over import PacketForm
from conversations.moments import Reader
from conversations.templatetags.desk import pill
from conversations.views import lists, offer_cards
from conversations.views.offer_form import cited_in, filled, lines_of, promised_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conversations.models import Agent, Offer, Ticket
    from conversations.shift_board import Refused, TeamShifts
    from conversations.templatetags.desk import Pill
    from conversations.views.access import AgentRequest
    from conversations.views.offer_cards import OfferCard
    from conversations.views.offer_form import FormLine

Forms = dict[int, PacketForm]


@dataclass(frozen=True)
class OwnCard:
    """A ticket to hand over with its packet, or how it is `offered` already; `refused` says why it
    was not."""

    ticket: Ticket
    pill: Pill
    form: PacketForm | None
    lines: Sequence[FormLine]
    offered: Offer | None
    refused: str


@dataclass(frozen=True)
class IncomingCard:
    ticket: Ticket
    pill: Pill
    card: OfferCard
    wrote: bool


@dataclass(frozen=True)
class Board:
    """One page of each: `after` says behind which ids they begin, `more_own` and `more_incoming`
    are the ids to go on from, None at the end."""

    shifts: Sequence[TeamShifts]
    own: Sequence[OwnCard]
    incoming: Sequence[IncomingCard]
    more_own: int | None
    more_incoming: int | None
    after: Mapping[str, int | None]

    @property
    def is_all_own(self) -> bool:
        return not (self.more_own or self.after["own"])

    @property
    def is_all_incoming(self) -> bool:
        return not (self.more_incoming or self.after["incoming"])

    @property
    def left(self) -> int:
        """How many are still to be offered."""
        return sum(card.offered is None for card in self.own)

    @property
    def acceptable(self) -> Sequence[int]:
        """Ids of the offers that can be accepted now."""
        return [one.card.pk for one in self.incoming if one.card.may_answer]


def form_of(ticket: int, *, data: Any = None, initial: dict[str, Any] | None = None) -> PacketForm:
    return PacketForm(data, initial=initial, prefix=f"t{ticket}", use_required_attribute=False)


def board(
    agent: Agent, *, forms: Forms, refused: Sequence[Refused], after: Mapping[str, int | None]
) -> Board:
    """What an agent hands over and is handed, `after` these of each. `forms` are those that were
    sent and `refused`."""
    shifts = shift_board.standing(agent)
    teams = [one.team.pk for one in shifts]
    own, more_own = shift_board.own(agent, teams, after=after["own"])
    incoming, more_incoming = shift_board.incoming(agent, after=after["incoming"])
    offered = shift_board.offers_of(own)
    left = [ticket for ticket in own if ticket.pk not in offered]
    shown = {**_drafted(left, shifts), **forms}
    return Board(
        shifts,
        _own(own, offered, shown, {one.ticket.pk: one.why for one in refused}, agent),
        _incoming(incoming, agent),
        more_own,
        more_incoming,
        after,
    )


def _drafted(left: Sequence[Ticket], shifts: Sequence[TeamShifts]) -> Forms:
    ends = {one.team.pk: one.ends_at for one in shifts}
    drafted = shift_board.drafted(left, ends)
    return {
        one.pk: form_of(one.pk, initial={"epoch": one.owner_epoch, **filled(drafted[one.pk])})
        for one in left
    }


def _own(
    tickets: Sequence[Ticket],
    offered: Mapping[int, Offer],
    forms: Forms,
    refused: Mapping[int, str],
    agent: Agent,
) -> list[OwnCard]:
    cited = cited_in(forms.values(), agent)
    promised = promised_in(ticket for ticket in tickets if ticket.promised_at)
    reader = Reader.here()
    return [
        OwnCard(
            ticket,
            pill(ticket, reader, short=True),
            form := forms.get(ticket.pk) if ticket.pk not in offered else None,
            lines_of(form, cited, promised.get(ticket.pk, ())) if form else (),
            offered.get(ticket.pk),
            refused.get(ticket.pk, ""),
        )
        for ticket in tickets
    ]


def _incoming(offers: Sequence[Offer], agent: Agent) -> list[IncomingCard]:
    reader = Reader.here()
    wrote = {one.pk: bool(getattr(one, "wrote", False)) for one in offers}
    return [
        IncomingCard(
            card.offer.ticket,
            pill(card.offer.ticket, reader, short=True),
            card,
            wrote[card.pk],
        )
        for card in offer_cards.cards_of(offers, agent)
    ]


def page(
    request: AgentRequest, *, forms: Forms | None = None, refused: Sequence[Refused] = ()
) -> dict[str, Any]:
    """What the template of the board is told."""
    after = {name: _number(request.GET.get(name, "")) for name in ("own", "incoming")}
    return {
        "board": board(request.user, forms=forms or {}, refused=refused, after=after),
        "refused": refused,
        "pane": lists.pane_beside(request, chosen=None),
        "most": packets.WORDS,
    }


def _number(told: str) -> int | None:
    """Whatever else stands in an address leads to the beginning."""
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 19 else None
