"""The page on which something is handed over: its form, and what the form shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils.text import Truncator

from conversations import packets, shift_board
from conversations.forms.handing_over import NEXT_SHIFT, OfferForm
from conversations.models import Entry, Offer, Promise, Shift
from conversations.templatetags.desk import author, clock
from conversations.views import lists, strips
from conversations.views.offer_cards import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.forms.boundfield import BoundField

    from conversations.errors import DomainError
    from conversations.forms.handing_over import PacketForm
    from conversations.models import Agent, Ticket
    from conversations.packets import Packet
    from conversations.views.access import AgentRequest

QUOTED = 90


@dataclass(frozen=True)
class Cited:
    """An entry that a line points to, so that one knows it again."""

    pk: int
    words: str


@dataclass(frozen=True)
class FormLine:
    """`along` is what goes with the ticket by itself, so that nobody need write it."""

    label: str
    field: BoundField
    name: str
    cited: Sequence[Cited]
    required: bool
    along: Sequence[Promise] = ()


@dataclass(frozen=True)
class Receivers:
    """A team and who of it may get it: as the form sends them, their id, name and state. `shift` is
    its next one, "" where it has none."""

    name: str
    whole: str
    shift: str
    choices: Sequence[tuple[str, int, str, str]]


def offer_form(request: AgentRequest, ticket: Ticket) -> OfferForm:
    if request.method == "POST":
        return OfferForm(request.POST)
    return OfferForm(initial={"epoch": ticket.owner_epoch, **filled(packets.prefilled(ticket))})


def filled(packet: Packet) -> dict[str, Any]:
    """As a form begins with it."""
    lines = packet.lines.items()
    return {name: line.text for name, line in lines} | {
        f"{name}_entries": list(line.entries) for name, line in lines
    }


def asked(form: OfferForm, by: Agent) -> dict[str, Any]:
    """What a valid form asks of the verb. Raises BadInput where no shift comes next."""
    told = form.cleaned_data
    team, agent = told["to"]
    return {
        "team": team,
        "agent": agent,
        "shift": shift_board.next_shift(team, by=by) if form.to_next_shift else None,
        "epoch": told["epoch"],
        "packet": form.packet(),
        "warm": told["how"] == "warm",
        "within": timedelta(minutes=told["minutes"]),
    }


def page(
    request: AgentRequest, ticket: Ticket, form: OfferForm, problem: DomainError | None
) -> dict[str, Any]:
    standing = Offer.objects.in_time().filter(ticket=ticket).with_people().first()
    return {
        "ticket": ticket,
        "form": form,
        "problem": problem,
        "standing": standing,
        "lines": lines_of(form, cited_in([form], request.user), promised_in([ticket])[ticket.pk]),
        "receivers": _receivers(ticket, request.user),
        "pane": lists.pane_beside(request, chosen=ticket),
        "most": packets.WORDS,
    }


def lines_of(
    form: PacketForm, known: Mapping[int, Cited], promised: Sequence[Promise]
) -> Sequence[FormLine]:
    """The lines of a packet with what they point to, of what is `known` (`cited_in`)."""
    wanted = {name: _ids(form, name) for name in packets.NAMES}
    return [
        FormLine(
            str(LABELS[name]),
            form[name],
            form.add_prefix(f"{name}_entries"),
            [known[pk] for pk in wanted[name] if pk in known],
            name in packets.REQUIRED,
            promised if name == "promised" else (),
        )
        for name in packets.NAMES
    ]


def cited_in(forms: Iterable[PacketForm], viewer: Agent) -> dict[int, Cited]:
    """What the lines of these packets point to and the viewer may read, in one query."""
    ids = {pk for form in forms for name in packets.NAMES for pk in _ids(form, name)}
    rows = Entry.objects.visible_to(viewer).with_people().filter(pk__in=ids)
    rows = rows.select_related("conversation__customer")
    return {row.pk: Cited(row.pk, _words(row, viewer)) for row in rows} if ids else {}


def promised_in(tickets: Iterable[Ticket]) -> dict[int, list[Promise]]:
    """The open promises of each, the soonest first, in one query."""
    found: dict[int, list[Promise]] = {ticket.pk: [] for ticket in tickets}
    if found:
        for row in Promise.objects.open().filter(ticket__in=found).order_by("due_at", "pk"):
            found[row.ticket_id].append(row)
    return found


def _ids(form: PacketForm, name: str) -> list[int]:
    told = form[f"{name}_entries"].value() or []
    return [int(one) for one in told if str(one).isdecimal() and len(str(one)) < 19]


def _words(row: Entry, viewer: Agent) -> str:
    text = Truncator(" ".join(row.text[:500].split())).chars(QUOTED)
    return f"{author(row, viewer, row.conversation.customer)}, {clock(row.at)}: {text}"


def _receivers(ticket: Ticket, viewer: Agent) -> Sequence[Receivers]:
    """Not who offers it or has it, and only its own team for what is restricted."""
    gone = {viewer.pk, ticket.agent_id}
    on_shift = set(Shift.objects.kept().values_list("team", flat=True))
    return [
        Receivers(
            one.name,
            f"{one.team}:",
            f"{one.team}:{NEXT_SHIFT}" if one.team in on_shift else "",
            [(f"{one.team}:{who[0]}", *who) for who in one.agents if who[0] not in gone],
        )
        for one in strips.owners()
        if not ticket.restriction or one.team == ticket.team_id
    ]
