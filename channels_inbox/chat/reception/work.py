"""The assistant at work: when it begins, and its turns one after the other. The rows are the queue;
a lost wake-up is made up for by the sweep."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from django.utils import translation

from channels_inbox.chat import accounts, payload
from channels_inbox.chat.reception import talk
from channels_inbox.chat.reception.settings import Reception
from channels_inbox.chat.reception.talk import Heard, Place
from conversations import bots
from conversations.errors import StaleContext, StaleOwner
from conversations.models import Bot, Entry, Kind, Stint
from conversations.sweeping import each
from conversations.thread import database_now
from conversations.wake import wake

if TYPE_CHECKING:
    from conversations.bots import Act, Turn
    from conversations.models import Ticket

TASK: Final = "channels_inbox.chat_reception"
BATCH: Final = 50
READ_AT_MOST: Final = 2000
NAMES: Final = uuid.UUID("6f1a2f5e-2f0c-4d0a-8f4f-2b9f3c1e7d55")


def threaded(entry: Entry) -> None:
    """A visitor's message got into its ticket; in the same transaction. A new matter that nobody
    has is the assistant's."""
    ticket = entry.ticket
    assert ticket is not None
    if ticket.bot_id is not None:
        if bots.heard(ticket):
            wake(TASK, queue="fast")
    elif ticket.agent_id is None and ticket.owner_epoch == 1:
        _receive(ticket, entry)


def work_due() -> int:
    """Take the turns that wait. Returns how many."""
    rows = Stint.objects.waiting().filter(bot__inbox__kind="chat")
    related = rows.select_related("ticket", "bot__inbox", "bot__team", "returns_to")
    return each(list(related[:BATCH]), _take_turn)


def think(turn: Turn) -> Act:
    """What the assistant makes of a turn, in the customer's language."""
    inbox = turn.stint.bot.inbox
    assert inbox is not None
    config = accounts.config_of(inbox)
    place = Place(
        name=turn.stint.bot.name,
        shop=payload.shop(inbox),
        chat=config,
        reception=Reception.of(config.reception),
        now=database_now(),
    )
    known = turn.known | ({"email"} if _claims_email(turn) else set())
    heard = Heard(
        text="\n".join(entry.text for entry in turn.said)[:READ_AT_MOST],
        entry=_last(turn),
        memory=turn.memory,
        known=frozenset(known),
        goal=turn.goal,
    )
    with translation.override(_language(turn, config.language)):
        return talk.answer(heard, place)


def finish(turn: Turn, act: Act) -> bool:
    """Do it, if it still counts. Raises StaleContext when something came in meanwhile."""
    return bots.act(
        turn.ticket,
        by=turn.stint.bot,
        epoch=turn.epoch,
        seen_head=turn.head,
        act=act,
        client_token=uuid.uuid5(NAMES, f"{turn.stint.pk}:{turn.stint.turns}:{_last(turn)}"),
    )


def _receive(ticket: Ticket, entry: Entry) -> None:
    bot = Bot.objects.filter(inbox=entry.inbox_id, team=ticket.team_id, is_active=True).first()
    if bot is None or _spoken_before(ticket, entry):
        return
    try:
        bots.take(ticket, by=bot, epoch=ticket.owner_epoch)
    except StaleOwner:
        return
    wake(TASK, queue="fast")


def _spoken_before(ticket: Ticket, entry: Entry) -> bool:
    earlier = Entry.objects.filter(ticket=ticket, kind=Kind.MESSAGE).exclude(pk=entry.pk)
    return earlier.exists()


def _take_turn(stint: Stint) -> bool:
    """What comes in meanwhile leaves the turn waiting, to be taken anew."""
    turn = bots.turn_of(stint)
    if turn is None:
        return False
    try:
        return finish(turn, think(turn))
    except StaleContext:
        wake(TASK, queue="fast")
        return False


def _claims_email(turn: Turn) -> bool:
    """Asked for before the chat began: the desk shows it already, as what it is."""
    return any(entry.data.get("claimed", {}).get("email") for entry in turn.said)


def _last(turn: Turn) -> int:
    return turn.said[-1].pk if turn.said else 0


def _language(turn: Turn, chosen: str) -> str:
    """The chat's own, else the visitor's."""
    customer = turn.ticket.conversation.customer.language
    for language in (chosen, customer):
        if language and translation.check_for_language(language):
            return language
    return translation.get_language() or "en"
