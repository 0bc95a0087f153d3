"""What a bot does: it takes a ticket nobody has, or is lent one; it writes, collects, and lets go.

A bot thinks outside the lock. What it comes back with counts only while it holds the epoch it was
asked at and nobody has written since; else it is discarded, and no customer sees it. All of one
turn (what it says, what it collected, what becomes of the ticket) is one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from conversations import collecting, deliveries, letting_go, ownership, tickets
from conversations.collecting import FIELDS, Value
from conversations.errors import BadInput, StaleContext, StaleOwner
from conversations.models import (
    MOST_TURNS,
    Bot,
    Conversation,
    Direction,
    Entry,
    Kind,
    Status,
    Stint,
    Ticket,
)
from conversations.sweeping import each
from conversations.thread import Actor, Thread, database_now, locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from conversations.models import Agent

BATCH: Final = 100
STAYS, GIVES_UP, RESOLVES = "", "gives_up", "resolves"
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Act:
    """What a bot makes of its turn. `choices` are answers offered with what it says; `then` is
    STAYS, GIVES_UP (`why` is a word of letting_go.WHY) or RESOLVES; `memory` is what it keeps."""

    says: str = ""
    choices: tuple[str, ...] = ()
    collects: tuple[Value, ...] = ()
    then: str = STAYS
    why: str = "done"
    memory: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """What names a message of a bot: the epoch it thought at, and its token."""

    epoch: int
    token: UUID


@dataclass(frozen=True)
class Turn:
    """A bot's turn as it was read: what the customer wrote since it wrote last, oldest first.
    `epoch` and `head` are to be told with what it does. With a `goal` that is all it is to find
    out."""

    stint: Stint
    ticket: Ticket
    epoch: int
    head: int
    said: tuple[Entry, ...]
    known: frozenset[str]

    @property
    def goal(self) -> str:
        return self.stint.goal

    @property
    def memory(self) -> dict[str, Any]:
        return dict(self.stint.memory)


def take(ticket: Ticket, *, by: Bot, epoch: int) -> Ticket:
    """The bot owns a ticket that nobody owned; it is its turn.

    Taking what it has changes nothing. Raises StaleOwner when somebody was faster, BadInput for a
    bot that is off, of another team, or for a resolved ticket.
    """
    with locked(ticket.origin_id) as thread:
        fresh = _fresh(ticket)
        if fresh.bot_id == by.pk:
            return fresh
        if fresh.owner_epoch != epoch or not fresh.is_unowned:
            raise StaleOwner
        _check_bot(fresh, by)
        ownership.apply(thread, fresh, "taken", by=Actor.of(by), team=fresh.team, bot=by)
        _begin(thread, fresh)
        return fresh


def lend(
    ticket: Ticket, *, to: Bot, by: Agent, epoch: int, goal: str, most_turns: int = 3
) -> Ticket:
    """Hand a ticket to a bot until it has found out the `goal` (a name of FIELDS), has written
    `most_turns` times or its time is up; then `by` has it again.

    The same again changes nothing. Raises StaleOwner, BadInput.
    """
    if goal not in FIELDS or not 1 <= most_turns <= MOST_TURNS:
        raise BadInput(_("Choose what to find out, and within how many messages."))
    with locked(ticket.origin_id) as thread:
        fresh = _fresh(ticket)
        if fresh.bot_id == to.pk and _is_lent(fresh, goal, by):
            return fresh
        if fresh.owner_epoch != epoch:
            raise StaleOwner
        _check_bot(fresh, to)
        if _last_heard(fresh, to) is None:
            raise BadInput(_("The assistant writes only where the customer wrote before."))
        told: dict[str, Any] = {"goal": goal, "turns": most_turns}
        actor = Actor.of(by)
        ownership.apply(thread, fresh, "lent", by=actor, team=fresh.team, bot=to, **told)
        _begin(thread, fresh, goal=goal, most_turns=most_turns, returns_to=by)
        return fresh


def heard(ticket: Ticket) -> bool:
    """The customer wrote on a ticket: where a bot has it, it is its turn. In the transaction of the
    message."""
    if ticket.bot_id is None:
        return False
    rows = Stint.objects.filter(ticket=ticket, epoch=ticket.owner_epoch, bot=ticket.bot_id)
    if not rows.update(due_at=Coalesce("due_at", database_now())):
        with locked(ticket.origin_id) as thread:
            _stint(thread, _fresh(ticket))
    return True


def turn_of(stint: Stint) -> Turn | None:
    """The turn of a stint, or None where it is over."""
    ticket = _fresh(stint.ticket)
    head = Conversation.objects.values_list("head", flat=True).get(pk=ticket.conversation_id)
    if not _holds(ticket, stint.bot, stint.epoch):
        Stint.objects.filter(pk=stint.pk).update(due_at=None)
        return None
    messages = Entry.objects.filter(ticket=ticket, kind=Kind.MESSAGE, withdrawn_at=None)
    last = messages.filter(direction=Direction.OUT).order_by("-at").first()
    said = messages.filter(direction=Direction.IN)
    if last:
        said = said.filter(at__gt=last.at)
    return Turn(
        stint,
        ticket,
        stint.epoch,
        head,
        tuple(said.select_related("identity").order_by("at", "pk")),
        frozenset(row.name for row in collecting.of(ticket)),
    )


def act(
    ticket: Ticket, *, by: Bot, epoch: int, seen_head: int, act: Act, client_token: UUID
) -> bool:
    """Do what a bot made of its turn. False when it doesn't hold that epoch any more: then nothing
    is done but a line in the thread that says so.

    The same token again changes nothing. Raises StaleContext with what was written after
    `seen_head`, BadInput for a value that is none.
    """
    with locked(ticket.origin_id) as thread:
        if Entry.objects.sent_as(by.actor, client_token).exists():
            return True
        fresh = _fresh(ticket)
        if not _holds(fresh, by, epoch):
            _discard(thread, fresh, by, epoch)
            return False
        stint = _stint(thread, fresh)
        if not fresh.bot or not fresh.bot.is_active or _is_over(thread, fresh):
            letting_go.let_go(thread, fresh, stint, "deadline")
            return False
        _require_newest(thread, fresh, by, seen_head)
        _do(thread, fresh, stint, act, Sent(epoch, client_token))
        return True


def give_up_due() -> int:
    """Let go of what bots have held to the end of their time. Returns how many."""
    due = Ticket.objects.overdue_of_bots(database_now()).order_by("bot_until")
    return each(list(due[:BATCH]), _give_up_one)


def keep(bot: Bot, *, is_active: bool) -> Bot:
    """Save a bot. One that is off gives up what it has."""
    bot.is_active = is_active
    bot.save()
    if not is_active:
        for ticket in Ticket.objects.unresolved().filter(bot=bot).order_by("pk"):
            with locked(ticket.origin_id) as thread:
                fresh = _fresh(ticket)
                if fresh.bot_id == bot.pk and not fresh.is_resolved:
                    letting_go.let_go(thread, fresh, _stint(thread, fresh), "off")
    return bot


def lenders_of(ticket: Ticket) -> Sequence[Bot]:
    """The bots a ticket may be lent to."""
    rows = Bot.objects.filter(team=ticket.team_id, is_active=True, inbox__isnull=False)
    return list(rows.filter(inbox=ticket.inbox_id).order_by("pk"))


def _do(thread: Thread, ticket: Ticket, stint: Stint, act: Act, sent: Sent) -> None:
    bot = stint.bot
    collecting.keep(thread, ticket, act.collects, by=bot)
    met = bool(stint.goal) and any(found.name == stint.goal for found in act.collects)
    used_up = stint.most_turns is not None and stint.turns >= stint.most_turns
    said = bool(act.says) and not used_up
    if said and not _say(thread, ticket, bot, act, sent):
        letting_go.let_go(thread, ticket, stint, "not_reachable")
        return
    stint.turns, stint.memory, stint.due_at = stint.turns + said, act.memory, None
    stint.save(update_fields=["turns", "memory", "due_at"])
    if act.collects:
        thread.stamp(ticket)
    if met or act.then == GIVES_UP:
        letting_go.let_go(thread, ticket, stint, "goal" if met else act.why)
    elif used_up:
        letting_go.let_go(thread, ticket, stint, "limit")
    elif act.then == RESOLVES and not stint.goal:
        _resolve(thread, ticket, stint)


def _resolve(thread: Thread, ticket: Ticket, stint: Stint) -> None:
    """What people promised only people can say is kept."""
    if ticket.promised_at is not None:
        letting_go.let_go(thread, ticket, stint, "done")
    else:
        tickets.finish(thread, ticket, by=Actor.of(stint.bot))


def _say(thread: Thread, ticket: Ticket, bot: Bot, act: Act, sent: Sent) -> bool:
    """Write to where the customer wrote from. It is no answer of a person: it is nobody's turn
    otherwise for it, and it doesn't follow a visitor who has left by mail."""
    heard = _last_heard(ticket, bot)
    if heard is None or heard.identity is None or heard.inbox is None or not heard.inbox.is_active:
        return False
    entry = thread.append(
        heard.identity.origin_id,
        ticket=ticket,
        actor=bot.actor,
        bot=bot,
        kind=Kind.MESSAGE,
        direction=Direction.OUT,
        identity=heard.identity,
        inbox=heard.inbox,
        text=act.says,
        data={"ticket": ticket.pk, "epoch": sent.epoch, "choices": list(act.choices)},
        client_token=sent.token,
    )
    told = deliveries.queue(thread, entry, identity=heard.identity, inbox=heard.inbox, payload={})
    type(told).objects.filter(pk=told.pk).update(look_at=None)
    tickets.heard(thread, ticket, entry)
    return True


def _give_up_one(ticket: Ticket) -> bool:
    with locked(ticket.origin_id) as thread:
        fresh = _fresh(ticket)
        if fresh.bot_id is None or fresh.is_resolved or not _is_over(thread, fresh):
            return False
        letting_go.let_go(thread, fresh, _stint(thread, fresh), "deadline")
        return fresh.bot_id is None


def _holds(ticket: Ticket, bot: Bot, epoch: int) -> bool:
    return ticket.bot_id == bot.pk and ticket.owner_epoch == epoch and not ticket.is_resolved


def _is_over(thread: Thread, ticket: Ticket) -> bool:
    return ticket.bot_until is not None and ticket.bot_until <= thread.now


def _discard(thread: Thread, ticket: Ticket, bot: Bot, epoch: int) -> None:
    """Said once for each stint."""
    log.info("bot_answer_discarded", ticket=ticket.pk, bot=bot.pk, epoch=epoch)
    rows = Stint.objects.filter(ticket=ticket, epoch=epoch, bot=bot, late_at=None)
    if rows.update(late_at=thread.now, due_at=None):
        thread.event(ticket, "answer_discarded", by=Actor.of(bot), bot_name=bot.name)


def _require_newest(thread: Thread, ticket: Ticket, bot: Bot, seen_head: int) -> None:
    """A bot answers all that was said, or looks again. What it collects from is its own ticket."""
    said = Entry.objects.filter(ticket=ticket, kind=Kind.MESSAGE, rev__gt=seen_head)
    newer = list(said.exclude(actor=bot.actor).order_by("at", "pk")[:20])
    if newer:
        raise StaleContext(newer, thread.head)


def _last_heard(ticket: Ticket, bot: Bot) -> Entry | None:
    rows = Entry.objects.filter(
        ticket=ticket, kind=Kind.MESSAGE, direction=Direction.IN, inbox=bot.inbox_id
    )
    return rows.select_related("identity", "inbox").order_by("-at", "-pk").first()


def _check_bot(ticket: Ticket, bot: Bot) -> None:
    if ticket.status == Status.RESOLVED:
        raise BadInput(_("This is resolved. Open it again before you hand it over."))
    if not bot.is_active or bot.team_id != ticket.team_id or bot.inbox_id != ticket.inbox_id:
        raise BadInput(_("This assistant doesn't work here."))


def _is_lent(ticket: Ticket, goal: str, by: Agent) -> bool:
    rows = Stint.objects.filter(ticket=ticket, epoch=ticket.owner_epoch)
    return rows.filter(goal=goal, returns_to=by).exists()


def _begin(thread: Thread, ticket: Ticket, **lent: Any) -> Stint:
    assert ticket.bot is not None
    return Stint.objects.create(
        ticket=ticket, epoch=ticket.owner_epoch, bot=ticket.bot, due_at=thread.now, **lent
    )


def _stint(thread: Thread, ticket: Ticket) -> Stint:
    """The present one. A bot that got its ticket back goes on where it was."""
    rows = Stint.objects.select_related("bot__team", "returns_to").filter(ticket=ticket)
    newest = rows.filter(bot=ticket.bot_id).order_by("-epoch").first()
    if newest and newest.epoch == ticket.owner_epoch:
        return newest
    names = ("goal", "most_turns", "returns_to", "turns", "memory")
    told = {name: getattr(newest, name) for name in names} if newest else {}
    return _begin(thread, ticket, **told)


def _fresh(ticket: Ticket) -> Ticket:
    rows = Ticket.objects.select_related("team", "agent", "bot__team", "bot_fallback", "inbox")
    return rows.get(pk=ticket.pk)
