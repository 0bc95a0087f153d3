"""The page on which something is handed over: its form, and what the form shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils.text import Truncator

from conversations import packets
from conversations.forms.handing_over import OfferForm
from conversations.models import Entry, Offer
from conversations.packets import Line, Packet
from conversations.templatetags.desk import author, clock
from conversations.views import lists, strips
from conversations.views.offer_cards import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.forms.boundfield import BoundField

    from conversations.errors import DomainError
    from conversations.models import Agent, Ticket
    from conversations.views.access import AgentRequest

QUOTED = 90


@dataclass(frozen=True)
class Cited:
    """An entry that a line points to, so that one knows it again."""

    pk: int
    words: str


@dataclass(frozen=True)
class FormLine:
    label: str
    field: BoundField
    name: str
    cited: Sequence[Cited]
    required: bool


@dataclass(frozen=True)
class Receivers:
    """A team and who of it may get it: as the form sends them, their id, name and state."""

    name: str
    whole: str
    choices: Sequence[tuple[str, int, str, str]]


def offer_form(request: AgentRequest, ticket: Ticket) -> OfferForm:
    if request.method == "POST":
        return OfferForm(request.POST)
    return OfferForm(initial={"epoch": ticket.owner_epoch, **_filled(packets.prefilled(ticket))})


def _filled(packet: Packet) -> dict[str, Any]:
    lines = packet.lines.items()
    return {name: line.text for name, line in lines} | {
        f"{name}_entries": list(line.entries) for name, line in lines
    }


def asked(form: OfferForm) -> dict[str, Any]:
    """What a valid form asks of the verb."""
    told = form.cleaned_data
    team, agent = told["to"]
    lines = {
        name: Line(told[name], told[f"{name}_entries"] if told[name].strip() else ())
        for name in packets.NAMES
    }
    return {
        "team": team,
        "agent": agent,
        "epoch": told["epoch"],
        "packet": Packet(**lines),
        "warm": told["how"] == "warm",
        "within": timedelta(minutes=told["minutes"]),
    }


def page(
    request: AgentRequest, ticket: Ticket, form: OfferForm, problem: DomainError | None
) -> dict[str, Any]:
    standing = Offer.objects.standing().filter(ticket=ticket).with_people().first()
    return {
        "ticket": ticket,
        "form": form,
        "problem": problem,
        "standing": standing,
        "lines": _lines(form, ticket, request.user),
        "receivers": _receivers(ticket, request.user),
        "pane": lists.pane_beside(request, chosen=ticket),
        "most": packets.WORDS,
    }


def _lines(form: OfferForm, ticket: Ticket, viewer: Agent) -> Sequence[FormLine]:
    wanted = {name: _ids(form, name) for name in packets.NAMES}
    known = _cited({pk for ids in wanted.values() for pk in ids}, ticket, viewer)
    return [
        FormLine(
            str(LABELS[name]),
            form[name],
            f"{name}_entries",
            [known[pk] for pk in wanted[name] if pk in known],
            name in packets.REQUIRED,
        )
        for name in packets.NAMES
    ]


def _ids(form: OfferForm, name: str) -> list[int]:
    told = form[f"{name}_entries"].value() or []
    return [int(one) for one in told if str(one).isdecimal() and len(str(one)) < 19]


def _cited(ids: set[int], ticket: Ticket, viewer: Agent) -> dict[int, Cited]:
    rows = Entry.objects.visible_to(viewer).with_people().filter(pk__in=ids)
    found = rows.filter(conversation=ticket.conversation_id)
    return {row.pk: Cited(row.pk, _words(row, viewer)) for row in found} if ids else {}


def _words(row: Entry, viewer: Agent) -> str:
    text = Truncator(" ".join(row.text[:500].split())).chars(QUOTED)
    return f"{author(row, viewer)}, {clock(row.at)}: {text}"


def _receivers(ticket: Ticket, viewer: Agent) -> Sequence[Receivers]:
    """Not who offers it or has it, and only its own team for what is restricted."""
    gone = {viewer.pk, ticket.agent_id}
    return [
        Receivers(
            one.name,
            f"{one.team}:",
            [(f"{one.team}:{who[0]}", *who) for who in one.agents if who[0] not in gone],
        )
        for one in strips.owners()
        if not ticket.restriction or one.team == ticket.team_id
    ]
