"""Who answers for a ticket. Changes are compare-and-set on `owner_epoch` and write history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from conversations import columns, doorbells, drafts, left_work, offers, presence, wake
from conversations.errors import BadInput, StaleOwner
from conversations.models import Agent, Membership, Offer, PresenceState, Team, Ticket
from conversations.thread import ATTEMPTS, SYSTEM, Actor, Thread, lock_live, locked

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.models import Bot, Identity

OWNER_EVENTS = (
    *("assigned", "taken", "released", "moved_team", "offer_accepted", "returned", "lent"),
)
# By hand, as whatever is given out goes through here, a thousand tickets at once perhaps.
OWN = """
UPDATE conversations_ticket SET owner_epoch = owner_epoch + 1, team_id = %(team)s,
  agent_id = %(agent)s, bot_id = %(bot)s, bot_until = %(bot_until)s,
  bot_fallback_id = %(bot_fallback)s, rev = %(rev)s
WHERE id = %(ticket)s AND owner_epoch = %(seen)s
"""
FIRST = """
history AS (
  INSERT INTO conversations_ownership (ticket_id, epoch, team_id, agent_id, bot_id, since, actor)
  SELECT id, %(owner_epoch)s, %(team_id)s, %(agent_id)s, %(bot_id)s, %(since)s, %(actor)s
  FROM added
)
"""
# Whoever disables somebody locks them before their place in the team, too, or the two deadlock.
KEEP = """
SELECT FROM conversations_agent a JOIN conversations_membership m ON m.agent_id = a.id
WHERE a.id = %s AND m.team_id = %s AND m.active FOR KEY SHARE OF a, m
"""
# Asked at each change of owner, and mostly there is nothing.
LEFT_OVER = """
SELECT EXISTS (
    SELECT FROM conversations_offer WHERE ticket_id = %(ticket)s AND state = 'offered'),
  EXISTS (
    SELECT FROM conversations_draft WHERE ticket_id = %(ticket)s AND agent_id <> %(agent)s)
  OR EXISTS (
    SELECT FROM conversations_heldsend WHERE ticket_id = %(ticket)s AND agent_id <> %(agent)s
    AND state IN ('held', 'stopped'))
"""
HISTORY = """
INSERT INTO conversations_ownership (ticket_id, epoch, team_id, agent_id, bot_id, since, actor)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


def begin(thread: Thread, ticket: Ticket, by: Actor) -> None:
    """Write a new ticket with the first row of its history."""
    columns.add(ticket, FIRST, since=thread.now, actor=by.actor)


def take(ticket: Ticket, *, by: Agent, epoch: int) -> Ticket:
    """`by` becomes the owner. Taking what one already owns changes nothing."""
    return _change(ticket, "taken", by=Actor.of(by), epoch=epoch, agent=by)


def assign(ticket: Ticket, *, to: Agent, by: Agent, epoch: int) -> Ticket:
    """`to`, a member of the ticket's team, becomes the owner."""
    return _change(ticket, "assigned", by=Actor.of(by), epoch=epoch, agent=to)


def release(ticket: Ticket, *, by: Agent, epoch: int) -> Ticket:
    """Give the ticket back to its team."""
    return _change(ticket, "released", by=Actor.of(by), epoch=epoch)


def move_to_team(
    ticket: Ticket, *, team: Team, by: Agent, epoch: int, agent: Agent | None = None
) -> Ticket:
    """Another team answers from now on; nobody of it owns the ticket unless `agent` is given."""
    return _change(ticket, "moved_team", by=Actor.of(by), epoch=epoch, team=team, agent=agent)


def release_all(agent: Agent, *, by: Agent, team: Team | None = None) -> int:
    """Give everything unresolved an agent owns (in one team, or all) back to the teams, offer it to
    them with what the agent had begun, and end the offers made to them. Returns how many they
    owned.

    All their conversations are locked before the first is changed, in the order everybody locks in.
    """
    owned = Ticket.objects.unresolved().filter(agent=agent)
    offered = Offer.objects.open().filter(to_agent=agent)
    if team:
        owned, offered = owned.filter(team=team), offered.filter(to_team=team)
    why = _("%(name)s has left.") % {"name": agent}
    written = {one.pk: left_work.packet_of(one, why) for one in owned.select_related("team")}
    with transaction.atomic():
        origins = [
            *owned.values_list("origin_id", flat=True),
            *offered.values_list("ticket__origin_id", flat=True),
        ]
        if not origins:
            return 0
        lock_live(origins)
        found = list(owned.filter(origin__in=origins).order_by("pk"))
        asked = list(offered.filter(ticket__origin__in=origins).values_list("ticket", flat=True))
        for ticket in found:
            with locked(ticket.origin_id) as thread:
                fresh = Ticket.objects.select_related("team").get(pk=ticket.pk)
                actor = Actor.of(by)
                apply(thread, fresh, "released", by=actor, team=fresh.team, reason="left")
                packet = written.get(fresh.pk)
                left_work.leave(thread, fresh, of=agent, packet=packet, why=why, warm=False)
        for ticket in Ticket.objects.filter(pk__in=asked).order_by("pk"):
            _end_offer(ticket, by)
        return len(found)


def _end_offer(ticket: Ticket, by: Agent) -> None:
    """Who it is offered to leaves: it is theirs again who offered it."""
    with locked(ticket.origin_id) as thread:
        fresh = Ticket.objects.select_related("team").get(pk=ticket.pk)
        offer = offers.withdraw(thread, fresh, cause="left", by=Actor.of(by))
        if offer:
            give_back(thread, fresh, offer)


def end_offers(thread: Thread, *, cause: str) -> None:
    """End every open offer of a conversation, of which something became that nobody offered."""
    offered = Ticket.objects.filter(conversation=thread.conversation, offers__state="offered")
    for ticket in offered.select_related("team").order_by("pk"):
        offer = offers.withdraw(thread, ticket, cause=cause)
        if offer:
            give_back(thread, ticket, offer)


def give_back(thread: Thread, ticket: Ticket, offer: Offer) -> None:
    """An offer came to nothing: whose the ticket was has it again, or their team when they can't
    act any more. Never nobody."""
    team, agent, bot = offer.from_team, offer.from_agent, offer.from_bot
    if agent and not Membership.objects.acting(agent).filter(team=team).exists():
        agent = None
    if agent and offer.is_left_behind and not _is_here(agent):
        agent = None
    # What it offered itself, it has given up.
    if bot and (bot.actor == offer.actor or not bot.is_active or bot.team_id != team.pk):
        bot = None
    owner = (team.pk, agent.pk if agent else None, bot.pk if bot else None)
    if (ticket.team_id, ticket.agent_id, ticket.bot_id) != owner:
        apply(
            thread,
            ticket,
            "returned",
            by=SYSTEM,
            team=team,
            agent=agent,
            bot=bot,
            reason=offer.state,
        )


def _is_here(agent: Agent) -> bool:
    state = presence.states([agent.pk]).get(agent.pk, PresenceState.OFFLINE)
    return state != PresenceState.OFFLINE


def disable(agent: Agent, *, by: Agent) -> None:
    """Sign an agent out for good. What they own goes back to the teams in one transaction."""
    if agent.pk == by.pk:
        raise BadInput(_("You can't disable yourself. Ask another admin."))
    active = Agent.objects.filter(pk=agent.pk)
    _emptied(agent, lambda: active.update(is_active=False), by=by)
    presence.tell_changes()
    doorbells.ring_rights(agent.pk)


def enable(agent: Agent) -> None:
    Agent.objects.filter(pk=agent.pk).update(is_active=True)
    doorbells.ring_rights(agent.pk)


def leave(team: Team, agent: Agent, *, by: Agent) -> None:
    """Take an agent out of a team; what they own there goes back to the team first."""
    place = Membership.objects.filter(team=team, agent=agent)
    _emptied(agent, place.delete, by=by, team=team)
    doorbells.ring_rights(agent.pk)


def join(team: Team, agent: Agent) -> Membership:
    membership, created = Membership.objects.get_or_create(
        team=team, agent=agent, defaults={"active": agent.is_active}
    )
    if created:
        doorbells.ring_rights(agent.pk)
    return membership


def _emptied(
    agent: Agent, then: Callable[[], object], *, by: Agent, team: Team | None = None
) -> None:
    """Give back what they own, then let them go, in one transaction. The foreign key refuses it
    when they took something in between; then it starts over."""
    for _try in range(ATTEMPTS):
        try:
            with transaction.atomic():
                release_all(agent, by=by, team=team)
                then()
            return
        except IntegrityError:
            continue
    raise StaleOwner


def release_if_gone(thread: Thread, ticket: Ticket) -> None:
    """Before a ticket is opened again: an owner who left or was disabled can't own it any more."""
    if ticket.agent_id is None:
        return
    if not Membership.objects.filter(
        team=ticket.team_id, agent=ticket.agent_id, active=True
    ).exists():
        apply(thread, ticket, "released", by=SYSTEM, team=ticket.team, reason="left")


def apply(
    thread: Thread,
    ticket: Ticket,
    event: str,
    *,
    by: Actor,
    team: Team,
    agent: Agent | None = None,
    bot: Bot | None = None,
    reason: str = "",
    shown_to: Identity | None = None,
    **told: Any,
) -> None:
    """Make the change under the thread's lock: compare, set, write history and the event, which
    says also what is `told`, and to the customer if it is `shown_to` them. An offer of the ticket
    ends with it.

    Raises StaleOwner when the epoch moved on, BadInput when the agent is no active member of the
    team.
    """
    team_before, agent_before = ticket.team_id, ticket.agent_id
    data = {
        "from_team": team_before,
        "from_agent": agent_before,
        "team": team.pk,
        "team_name": team.name,
        "agent": agent.pk if agent else None,
        "agent_name": str(agent) if agent else "",
        "bot": bot.pk if bot else None,
        "bot_name": bot.name if bot else "",
        "reason": reason,
        **told,
    }
    if agent and not ticket.is_resolved:
        keep_in_place(agent, team)
    ticket.rev = thread.next_rev()
    owner = {"team": team, "agent": agent, **_held_by(bot, thread)}
    if not _own(ticket, owner):
        raise StaleOwner
    ticket.owner_epoch += 1
    for name, value in owner.items():
        setattr(ticket, name, value)
    thread.touched(ticket, team=team_before, agent=agent_before)
    _write_history(thread, ticket, by)
    thread.event(ticket, event, by=by, shown_to=shown_to, **data)
    is_offered, is_begun = _left_over(ticket)
    if is_offered:
        offers.withdraw(thread, ticket, cause=event, by=by)
    if agent and is_begun:
        drafts.pass_on(thread, ticket, to=agent)
    if ticket.restriction and team_before != team.pk:
        thread.start_over()
    wake.assign_in(team)


def _own(ticket: Ticket, owner: dict[str, Any]) -> bool:
    """Compare and set; False where the epoch is another by now."""
    told = {name: getattr(value, "pk", value) for name, value in owner.items()}
    told |= {"ticket": ticket.pk, "seen": ticket.owner_epoch, "rev": ticket.rev}
    with connection.cursor() as cursor:
        cursor.execute(OWN, told)
        return bool(cursor.rowcount)


def _held_by(bot: Bot | None, thread: Thread) -> dict[str, Any]:
    """A bot owns for a while only, and with people behind it."""
    if bot is None:
        return {"bot": None, "bot_until": None, "bot_fallback": None}
    return {"bot": bot, "bot_until": thread.now + bot.holds_for, "bot_fallback": bot.people}


def _change(
    ticket: Ticket,
    event: str,
    *,
    by: Actor,
    epoch: int,
    team: Team | None = None,
    agent: Agent | None = None,
) -> Ticket:
    with locked(ticket.origin_id) as thread:
        fresh = Ticket.objects.select_related("team").get(pk=ticket.pk)
        target = team or fresh.team
        if (fresh.team_id, fresh.agent_id, fresh.bot_id) == (
            target.pk,
            agent.pk if agent else None,
            None,
        ):
            return fresh
        if fresh.owner_epoch != epoch:
            raise StaleOwner
        apply(thread, fresh, event, by=by, team=target, agent=agent)
        return fresh


def keep_in_place(agent: Agent, team: Team) -> None:
    """Nobody takes the agent out of the team, or disables them, until this transaction ends.

    Raises BadInput when they are no active member of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [agent.pk, team.pk])
        if cursor.fetchone() is None:
            raise BadInput(_("They are not an active member of that team."))


def _left_over(ticket: Ticket) -> tuple[bool, bool]:
    """Whether an offer of it is open, and whether others than its owner have begun to write."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_OVER, {"ticket": ticket.pk, "agent": ticket.agent_id or 0})
        is_offered, is_begun = cursor.fetchone()
        return is_offered, is_begun


def _write_history(thread: Thread, ticket: Ticket, by: Actor) -> None:
    owner = (ticket.team_id, ticket.agent_id, ticket.bot_id)
    with connection.cursor() as cursor:
        row = (ticket.pk, ticket.owner_epoch, *owner, thread.now, by.actor)
        cursor.execute(HISTORY, row)
