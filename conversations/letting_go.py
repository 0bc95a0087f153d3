"""When a bot lets go of a ticket: who lent it has it again, or the people behind the bot are
offered it, with what the bot can say about it. Never nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversations import handoffs, ownership, packets
from conversations.errors import BadInput
from conversations.models import Direction, Kind, Membership, Offer, Stint
from conversations.packets import Line, Packet
from conversations.thread import Actor

if TYPE_CHECKING:
    from conversations.models import Agent, Entry, Ticket
    from conversations.thread import Thread

ASKS_WORDS: Final = 25
# Why a bot lets go, as its packet tells the next owner.
WHY: Final = {
    "done": gettext_lazy("The assistant has asked what it can."),
    "asked": gettext_lazy("They asked for a person."),
    "not_understood": gettext_lazy("The assistant did not understand them twice."),
    "deadline": gettext_lazy("The assistant's time was up."),
    "off": gettext_lazy("The assistant was switched off."),
    "not_reachable": gettext_lazy("The assistant could not write to them."),
}


def let_go(thread: Thread, ticket: Ticket, stint: Stint, why: str) -> None:
    """A bot has its ticket no more. `why` is a word of WHY, "goal" or "limit"."""
    Stint.objects.filter(pk=stint.pk).update(due_at=None)
    if stint.returns_to:
        _give_back(thread, ticket, stint.returns_to, why)
    elif not Offer.objects.open().filter(ticket=ticket).exists():
        _give_up(thread, ticket, why)


def _give_back(thread: Thread, ticket: Ticket, to: Agent, why: str) -> None:
    """To who lent it, or their team when they can't act any more."""
    acts = Membership.objects.acting(to).filter(team=ticket.team_id).exists()
    assert ticket.bot is not None
    ownership.apply(
        thread,
        ticket,
        "returned",
        by=Actor.of(ticket.bot),
        team=ticket.team,
        agent=to if acts else None,
        reason=f"bot_{why}",
    )


def _give_up(thread: Thread, ticket: Ticket, why: str) -> None:
    """An offer to the people behind it; where nobody of them can take it, it is theirs all the
    same."""
    bot, people = ticket.bot, ticket.bot_fallback
    assert bot is not None and people is not None
    if ticket.restriction:
        people = ticket.team
    try:
        handoffs.offer_within(
            thread, ticket, team=people, by=bot, packet=_packet(ticket, why), warm=False
        )
    except BadInput:
        event = "released" if people.pk == ticket.team_id else "moved_team"
        ownership.apply(thread, ticket, event, by=Actor.of(bot), team=people)


def _packet(ticket: Ticket, why: str) -> Packet:
    """What the server can say by itself, in the desk's language."""
    with translation.override(settings.LANGUAGE_CODE):
        found = packets.prefilled(ticket)
        first = ticket.entries.filter(kind=Kind.MESSAGE, direction=Direction.IN).order_by("at")
        asks = found.asks if found.asks.text else _quoted(first.first())
        kept = " ".join(asks.text.split()[:ASKS_WORDS])
        return Packet(
            asks=Line(kept[: packets.LONGEST_LINE], asks.entries),
            mood=found.mood,
            next=Line(_("Answer them.")),
            reason=Line(str(WHY[why])),
        ).tidied()


def _quoted(entry: Entry | None) -> Line:
    if entry is None or not entry.text.strip():
        return Line(_("They have not said what it is about."))
    return Line(entry.text, (entry.pk,))
