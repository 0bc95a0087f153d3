"""Bots as tests have them: one that receives at an inbox, and its turns."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from conversations import bots
from conversations.bots import Act
from conversations.models import Bot, Inbox, Stint, Ticket
from tests import builders

if TYPE_CHECKING:
    from datetime import datetime


def make_bot(inbox: Inbox, name: str = "Robin", **fields: Any) -> Bot:
    """Who receives at an inbox, for its team."""
    fields.setdefault("team", inbox.team)
    return Bot.objects.create(name=name, inbox=inbox, **fields)


def taken(ticket: Ticket, bot: Bot) -> Ticket:
    return bots.take(ticket, by=bot, epoch=epoch_of(ticket))


def acts(ticket: Ticket, bot: Bot, act: Act | None = None, **told: Any) -> bool:
    """A turn of a bot that has read everything; `epoch`, `seen_head` … may be given."""
    told.setdefault("epoch", epoch_of(ticket))
    told.setdefault("seen_head", builders.head_of(ticket.conversation_id))
    told.setdefault("client_token", uuid.uuid4())
    return bots.act(ticket, by=bot, act=act or Act("What is your order number?"), **told)


def epoch_of(ticket: Ticket) -> int:
    return Ticket.objects.values_list("owner_epoch", flat=True).get(pk=ticket.pk)


def time_is_up(ticket: Ticket) -> datetime:
    """The bot has held it to the end, and nobody has looked yet."""
    opened: datetime = ticket.opened_at
    Ticket.objects.filter(pk=ticket.pk).update(bot_until=opened)
    return opened


def stint_of(ticket: Ticket) -> Stint:
    return Stint.objects.filter(ticket=ticket).latest("epoch")
