"""Handing a ticket over: an offer with a packet, which somebody accepts or which comes to nothing.

The sender answers for the ticket until then: by themselves (warm), or by their team (direct). All
changes are compare-and-set on the epoch the offer was made at; the first to accept has it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from conversations import drafts, offers, ownership, packets, public
from conversations.columns import Columns, parted, relate
from conversations.errors import BadInput, Moved, NotAllowed, OfferOver, StaleOwner
from conversations.models import (
    Agent,
    Alert,
    AlertKind,
    Clock,
    Decline,
    Offer,
    OfferState,
    Team,
    Ticket,
)
from conversations.models.offers import LONGEST, MEANT
from conversations.packets import Packet
from conversations.sweeping import each
from conversations.thread import SYSTEM, Actor, Thread, database_now, locked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conversations.models import Bot
    from conversations.rota import Stretch

ANSWER_WITHIN: Final = timedelta(minutes=10)
LONGEST_LINE: Final = 200
BATCH: Final = 100

# Every answer to an offer begins with this.
OFFER, TICKET, TEAM, AGENT = Columns(Offer), Columns(Ticket), Columns(Team), Columns(Agent)
READ: Final = f"""
SELECT {OFFER.of("o")}, {TICKET.of("t")},
  {", ".join(TEAM.of(team) for team in ("ft", "tt", "m"))},
  {", ".join(AGENT.of(agent) for agent in ("fa", "ta", "ob", "cb", "a"))}, {MEANT}
FROM conversations_offer o JOIN conversations_ticket t ON t.id = o.ticket_id
JOIN conversations_team ft ON ft.id = o.from_team_id
JOIN conversations_team tt ON tt.id = o.to_team_id
JOIN conversations_team m ON m.id = t.team_id
LEFT JOIN conversations_agent fa ON fa.id = o.from_agent_id
LEFT JOIN conversations_agent ta ON ta.id = o.to_agent_id
LEFT JOIN conversations_agent ob ON ob.id = o.offered_by_id
LEFT JOIN conversations_agent cb ON cb.id = o.closed_by_id
LEFT JOIN conversations_agent a ON a.id = t.agent_id
WHERE o.id = %(offer)s
"""


def offer(
    ticket: Ticket,
    *,
    team: Team,
    agent: Agent | None = None,
    shift: Stretch | None = None,
    by: Agent,
    epoch: int,
    packet: Packet | None = None,
    warm: bool = True,
    within: timedelta = ANSWER_WITHIN,
) -> Offer:
    """Offer a ticket to a team, or to one agent or a shift of it, who may accept it for `within`
    (at most a day; a shift from when it begins). Direct (not `warm`): the owner steps back at once,
    and their team answers until then.

    The same offer again answers with the first. Raises StaleOwner when the ticket is no more at
    `epoch`, BadInput for who can't take it over, and for a packet that doesn't fit (another team
    must get one, a shift, and whoever takes over from a bot).
    """
    if not timedelta(0) < within <= LONGEST:
        raise BadInput(_("Give them a day at most to answer."))
    with locked(ticket.origin_id) as thread:
        fresh = Ticket.objects.select_related("team", "agent", "bot").get(pk=ticket.pk)
        required = shift is not None or _wants_packet(fresh, team)
        packet = packets.check(packet or Packet(), fresh, required=required)
        before = _open_offer(thread, fresh)
        if before:
            to = (team.pk, agent, shift.shift if shift else None)
            return _same(before, (*to, by.pk, warm, packet.stored()))
        if fresh.owner_epoch != epoch:
            raise StaleOwner
        return offer_within(
            thread,
            fresh,
            team=team,
            agent=agent,
            shift=shift,
            by=by,
            packet=packet,
            warm=warm,
            within=within,
        )


def offer_within(
    thread: Thread,
    ticket: Ticket,
    *,
    team: Team,
    agent: Agent | None = None,
    shift: Stretch | None = None,
    by: Agent | Bot,
    packet: Packet,
    warm: bool = True,
    within: timedelta = ANSWER_WITHIN,
) -> Offer:
    """The same under the thread's lock, for a ticket read under it that nobody is offered, and a
    packet that was checked or written by us. Raises BadInput for who can't take it over."""
    _check_receiver(ticket, team, agent, by)
    if shift:
        _check_shift(ticket, team, shift)
    elif agent is None:
        _check_team(ticket, team)
    made = Offer(
        ticket=ticket,
        warm=warm,
        from_team=ticket.team,
        from_agent=ticket.agent,
        from_bot=ticket.bot,
        to_team=team,
        to_agent=agent,
        to_shift=shift.shift if shift else None,
        opens_at=shift.begins_at if shift else None,
        offered_by=by if isinstance(by, Agent) else None,
        actor=by.actor,
        packet=packet.stored(),
        gathered=packets.gather(
            thread, ticket, {who for who in (by, ticket.agent) if isinstance(who, Agent)}
        ),
        packet_head=thread.head,
        offered_at=thread.now,
        expires_at=max(thread.now, shift.begins_at if shift else thread.now) + within,
    )
    if not warm and not ticket.is_unowned:
        actor = Actor.of(by)
        ownership.apply(thread, ticket, "released", by=actor, team=ticket.team, reason="offered")
    _write(thread, ticket, made, Actor.of(by))
    return made


def accept(offer: Offer, *, by: Agent, seen_head: int, restatement: str | None) -> Offer:
    """`by` has read the thread up to `seen_head`, says in one line what they understood (None: they
    skip it), and owns the ticket from now on. What the sender had begun to write or had waiting to
    be sent is theirs, too; deadlines go on.

    Accepting again changes nothing. Raises OfferOver for one that is closed or past its time,
    NotAllowed when it isn't meant for them, Moved when the page is older than the offer.
    """
    said = _one_line(restatement) if restatement is not None else ""
    if restatement is not None and not said:
        raise BadInput(_("Say in one line what comes next, or skip it."))
    with locked(offer.ticket.origin_id) as thread:
        fresh, is_meant = _fresh_for(by, offer)
        if fresh.state == OfferState.ACCEPTED and fresh.closed_by_id == by.pk:
            return fresh
        _require_meant(fresh, is_meant)
        _require_begun(thread, fresh)
        _require_read(thread, fresh, seen_head)
        offers.close(
            thread,
            fresh,
            OfferState.ACCEPTED,
            when=offers.IN_TIME,
            closed_by=by,
            accept_epoch=fresh.from_epoch + 1,
            seen_head=seen_head,
            restatement=said,
        )
        _hand_over(thread, fresh, by)
        return fresh


def decline(offer: Offer, *, by: Agent, reason: str) -> Offer:
    """`by` doesn't take it, and says why. An offer to a team stands until all have declined.

    Declining again changes nothing. Raises OfferOver, NotAllowed when it isn't meant for them,
    BadInput without a reason.
    """
    why = _one_line(reason)
    if not why:
        raise BadInput(_("Say why you can't take it. Who offered it has to find somebody else."))
    with locked(offer.ticket.origin_id) as thread:
        fresh, is_meant = _fresh_for(by, offer)
        if fresh.declines.filter(agent=by).exists():
            return fresh
        _require_meant(fresh, is_meant)
        Decline.objects.create(offer=fresh, agent=by, reason=why, declined_at=thread.now)
        if _somebody_left(fresh):
            thread.stamp(fresh)
        else:
            offers.close(
                thread,
                fresh,
                OfferState.DECLINED,
                when=offers.IN_TIME,
                closed_by=by,
                reason=why,
            )
        _end(thread, fresh, "offer_declined", by=Actor.of(by), reason=why)
        return fresh


def recall(offer: Offer, *, by: Agent) -> Offer:
    """Take an offer back before it is answered. Taking it back again changes nothing.

    Raises OfferOver, NotAllowed for who has no part in it.
    """
    with locked(offer.ticket.origin_id) as thread:
        fresh = _fresh(offer)
        if fresh.state == OfferState.RECALLED:
            return fresh
        if not fresh.may_recall(by):
            raise NotAllowed(_("Only who offered this can take it back."))
        offers.close(thread, fresh, OfferState.RECALLED, closed_by=by)
        _end(thread, fresh, "offer_recalled", by=Actor.of(by))
        return fresh


def expire_due() -> int:
    """Close the offers that nobody answered in time: whose the ticket was has it again, and the
    leads of both teams are told. Returns how many."""
    due = Offer.objects.overdue(database_now()).select_related("ticket").order_by("expires_at")
    return each(list(due[:BATCH]), _expire_one)


def saw(alerts: Iterable[Alert], *, by: Agent) -> None:
    """A lead has looked at them; nobody has to any more. Seeing one again changes nothing."""
    rows = Alert.objects.unseen().filter(pk__in=[alert.pk for alert in alerts])
    rows.update(seen_at=Clock(), seen_by=by)


def _expire_one(offer: Offer) -> bool:
    with locked(offer.ticket.origin_id) as thread:
        fresh = _fresh(offer)
        if not fresh.is_open:
            return False
        if fresh.ticket.owner_epoch != fresh.from_epoch or fresh.ticket.is_resolved:
            return offers.withdraw(thread, fresh.ticket, cause="changed") is not None
        if fresh.to_shift and fresh.to_shift.removed_at:
            offers.close(thread, fresh, OfferState.WITHDRAWN, cause="shift_removed")
            _end(thread, fresh, "offer_withdrawn", by=SYSTEM, reason="shift_removed")
            return True
        if fresh.expires_at > thread.now:
            return False
        _expire(thread, fresh)
        return True


def _expire(thread: Thread, offer: Offer) -> None:
    offers.close(thread, offer, OfferState.EXPIRED, when=offers.TOO_LATE)
    _end(thread, offer, "offer_expired", by=SYSTEM)
    teams = sorted({offer.from_team_id, offer.to_team_id})
    Alert.objects.bulk_create(
        Alert(
            team_id=team,
            ticket=offer.ticket,
            offer=offer,
            kind=AlertKind.OFFER_EXPIRED,
            made_at=thread.now,
        )
        for team in teams
    )


def _open_offer(thread: Thread, ticket: Ticket) -> Offer | None:
    """The one that stands. One that is past its time makes room, whether a sweep saw it or not."""
    found = Offer.objects.open().with_people().filter(ticket=ticket).first()
    if found and found.expires_at <= thread.now:
        found.ticket = ticket
        _expire(thread, found)
        return None
    return found


def _wants_packet(ticket: Ticket, team: Team) -> bool:
    """Whoever was not there has to be told: another team, and whoever goes on after a bot."""
    return team.pk != ticket.team_id or ticket.bot_id is not None


def _same(before: Offer, asked: tuple[object, ...]) -> Offer:
    """What a second press of the button means."""
    to = (before.to_team_id, before.to_agent, before.to_shift)
    told = (*to, before.offered_by_id, before.warm, before.packet)
    if told != asked:
        raise BadInput(
            _("This is offered to %(name)s already. Take that back first.")
            % {"name": before.to_name}
        )
    return before


def _check_receiver(ticket: Ticket, team: Team, agent: Agent | None, by: Agent | Bot) -> None:
    if ticket.is_resolved:
        raise BadInput(_("This is resolved. Open it again before you hand it over."))
    if ticket.restriction and team.pk != ticket.team_id:
        raise BadInput(
            _("Only its own team may read this. Give it to the other team instead of offering it.")
        )
    if agent and agent in (by, ticket.agent):
        raise BadInput(_("Offer it to somebody who doesn't have it."))
    if agent and _declined(ticket, agent):
        raise BadInput(_("They have declined this already. Choose somebody else."))


def _check_team(ticket: Ticket, team: Team) -> None:
    if ticket.is_unowned and team.pk == ticket.team_id:
        raise BadInput(_("That team has it already."))
    if not offers.who_may_take(ticket, team.pk, ticket.agent_id).exists():
        raise BadInput(_("Nobody in that team can take it. Choose another one."))


def _check_shift(ticket: Ticket, team: Team, stretch: Stretch) -> None:
    if stretch.shift.team_id != team.pk:
        raise BadInput(_("That shift is of another team. Choose one of its own."))
    if not offers.who_may_take(ticket, team.pk, ticket.agent_id, stretch.shift.pk).exists():
        raise BadInput(_("Nobody of that shift can take it. Offer it to the team instead."))


def _declined(ticket: Ticket, agent: Agent) -> bool:
    """Whether they said no to this ticket, and nobody accepted it since."""
    return Decline.objects.standing().filter(offer__ticket=ticket, agent=agent).exists()


def _write(thread: Thread, ticket: Ticket, made: Offer, by: Actor) -> None:
    if made.to_agent:
        ownership.keep_in_place(made.to_agent, made.to_team)
    made.from_epoch, made.rev = ticket.owner_epoch, thread.next_rev()
    made.save(force_insert=True)
    offers.touched(thread, ticket, made)
    thread.event(ticket, "offered", by=by, **made.told(), reason=made.packet["reason"]["text"])


def _hand_over(thread: Thread, offer: Offer, to: Agent) -> None:
    ticket = offer.ticket
    offers.touched(thread, ticket, offer)
    ownership.apply(
        thread,
        ticket,
        "offer_accepted",
        by=Actor.of(to),
        team=offer.to_team,
        agent=to,
        shown_to=public.window_of(ticket),
        offer=offer.pk,
        restatement=offer.restatement,
    )
    for sender in offer.senders:
        if sender != to:
            drafts.hand_over(thread, ticket, of=sender, to=to)


def _end(thread: Thread, offer: Offer, event: str, *, by: Actor, reason: str = "") -> None:
    """Tell it, and give the ticket back unless the offer stands."""
    offers.touched(thread, offer.ticket, offer)
    thread.event(offer.ticket, event, by=by, **{**offer.told(), "reason": reason})
    if not offer.is_open:
        ownership.give_back(thread, offer.ticket, offer)


def _somebody_left(offer: Offer) -> bool:
    """Whether an offer to a team is still one for somebody."""
    if offer.to_agent_id is not None:
        return False
    asked = (offer.to_team_id, offer.from_agent_id, offer.to_shift_id)
    return offers.who_may_take(offer.ticket, *asked).exists()


def _require_meant(offer: Offer, is_meant: bool) -> None:
    if not offer.is_open:
        raise OfferOver
    if not is_meant:
        raise NotAllowed(_("This is not offered to you."))


def _require_begun(thread: Thread, offer: Offer) -> None:
    if offer.opens_at and offer.opens_at > thread.now:
        at = date_format(timezone.localtime(offer.opens_at), "SHORT_DATETIME_FORMAT")
        raise BadInput(
            _("This is for the shift that begins %(at)s. It can be accepted from then on.")
            % {"at": at}
        )


def _require_read(thread: Thread, offer: Offer, seen_head: int) -> None:
    """Who accepts has at least what the packet was written on. It is frozen: who has read that
    alone, on the board of a shift, needs no newer page."""
    if seen_head == offer.packet_head:
        return
    oldest = max(thread.conversation.reset_head, offer.packet_head)
    if not oldest <= seen_head <= thread.head:
        raise Moved(_("Load the page again, and read what is new before you accept."))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if len(line) > LONGEST_LINE or "\x00" in line:
        raise BadInput(_("Say it in one line of at most 200 letters."))
    return line


def _fresh(offer: Offer) -> Offer:
    return _fresh_for(None, offer)[0]


def _fresh_for(agent: Agent | None, offer: Offer) -> tuple[Offer, bool]:
    """As it is now, with its ticket and who is named in both, and whether it is meant for this
    agent; bots are read when asked for."""
    with connection.cursor() as cursor:
        cursor.execute(READ, {"offer": offer.pk, "agent": agent.pk if agent else 0})
        row = cursor.fetchone()
    if row is None:
        raise Offer.DoesNotExist
    *values, is_meant = row
    fresh: Offer
    fresh, ticket, *named = parted(values, OFFER, TICKET, *[TEAM] * 3, *[AGENT] * 5)
    from_team, to_team, team, from_agent, to_agent, offered_by, closed_by, agent_now = named
    relate(ticket, team=team, agent=agent_now)
    relate(fresh, ticket=ticket, from_team=from_team, to_team=to_team, from_agent=from_agent)
    relate(fresh, to_agent=to_agent, offered_by=offered_by, closed_by=closed_by)
    return fresh, is_meant
