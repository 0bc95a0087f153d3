"""What somebody who can't go on leaves to colleagues: an offer with a packet that the desk writes.

Nobody is asked to write anything: they closed the laptop, or are disabled. What they had begun to
write and had not sent goes with the offer, and is whoever's who accepts it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from conversations import offers, packets
from conversations.errors import BadInput
from conversations.models import Agent, Offer
from conversations.models.offers import LONGEST
from conversations.packets import Line, Packet
from conversations.thread import SYSTEM

if TYPE_CHECKING:
    from datetime import timedelta

    from conversations.models import Team, Ticket
    from conversations.rota import Stretch
    from conversations.thread import Thread

# What can be left out first where it gets too long.
DISPENSABLE: Final = ("mood", "done", "promised")
ASKS_WORDS: Final = 20


def packet_of(ticket: Ticket, why: str) -> Packet:
    """By what the thread says. `why` is a sentence in the language of the ticket's team. Reads
    texts, so never under a lock."""
    return fitting(packets.prefilled(ticket), ticket, why)


def fitting(filled: Packet, ticket: Ticket, why: str) -> Packet:
    """A packet out of the thread with what another one must be told, and no longer than it may
    be."""
    asks = filled.asks if filled.asks.text else Line(ticket.subject or _("See the newest message."))
    then = filled.next if filled.next.text else Line(_("Answer the customer."))
    return _shortened(replace(filled, asks=asks, next=then, reason=Line(why)))


def _shortened(packet: Packet) -> Packet:
    for name in DISPENSABLE:
        if packet.words > packets.WORDS:
            packet = replace(packet, **{name: Line()})
    if packet.words > packets.WORDS:
        words = packet.asks.text.split()[:ASKS_WORDS]
        packet = replace(packet, asks=Line(" ".join(words) + " …", packet.asks.entries))
    return packet


def without_words(why: str) -> Packet:
    """Where there was no time to read the thread."""
    asks, then = Line(_("See the newest message.")), Line(_("Answer the customer."))
    return Packet(asks=asks, next=then, reason=Line(why))


def language_of(team: Team) -> str:
    """The one most of a team have chosen."""
    members = Agent.objects.filter(memberships__team=team, memberships__active=True)
    chosen = Counter(members.exclude(language="").values_list("language", flat=True))
    return chosen.most_common(1)[0][0] if chosen else settings.LANGUAGE_CODE


def who_can(ticket: Ticket, *, but: Agent | None) -> Team | None:
    """The first team, from the ticket's own upwards, in which somebody may take it; what is
    restricted stays in its own."""
    chain = [ticket.team] if ticket.restriction else ticket.team.chain()
    for team in chain:
        if team == ticket.team and but is None and ticket.is_unowned:
            continue  # it has it already
        if offers.who_may_take(ticket, team.pk, but.pk if but else None).exists():
            return team
    return None


def leave(
    thread: Thread,
    ticket: Ticket,
    *,
    of: Agent | None,
    packet: Packet | None,
    why: str,
    warm: bool,
    within: timedelta = LONGEST,
    shift: Stretch | None = None,
) -> Offer | None:
    """Offer a ticket under its conversation's lock, to this shift if somebody of it can take it,
    else to the first team that can; None where none can. `of` is whose it was; not `warm`, they
    have it no more."""
    if shift and not offers.who_may_take(
        ticket, ticket.team_id, of.pk if of else None, shift.shift.pk
    ):
        shift = None
    to = ticket.team if shift else who_can(ticket, but=of)
    if to is None:
        return None
    with translation.override(language_of(to)):
        needed = shift is not None or to.pk != ticket.team_id
        fine = _checked(packet, ticket, why, required=needed)
    made = Offer(
        ticket=ticket,
        warm=warm,
        from_team=ticket.team,
        from_agent=of,
        to_team=to,
        to_shift=shift.shift if shift else None,
        opens_at=shift.begins_at if shift else None,
        actor=SYSTEM.actor,
        packet=fine.stored(),
        gathered=packets.gather(thread, ticket, [of] if of else []),
        packet_head=thread.head,
        from_epoch=ticket.owner_epoch,
        offered_at=thread.now,
        expires_at=max(thread.now, shift.begins_at if shift else thread.now) + within,
        rev=thread.next_rev(),
    )
    made.save(force_insert=True)
    offers.touched(thread, ticket, made)
    thread.event(ticket, "offered", by=SYSTEM, **made.told(), reason=fine.reason.text)
    return made


def _checked(packet: Packet | None, ticket: Ticket, why: str, *, required: bool) -> Packet:
    """What it points to may have gone elsewhere since it was written."""
    try:
        return packets.check(packet or without_words(why), ticket, required=required)
    except BadInput:
        return packets.check(without_words(why), ticket, required=required)
