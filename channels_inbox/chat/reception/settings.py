"""What an admin says of a chat's assistant; it lies beside the chat's own settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from channels_inbox.chat import accounts
from channels_inbox.stored import Stored
from conversations import bots
from conversations.models import Bot
from conversations.models.people import BOT_HOLDS_FOR

if TYPE_CHECKING:
    from conversations.models import Inbox, Team

MOST_ANSWERS: Final = 10


@dataclass(frozen=True)
class Reception(Stored):
    """`answers` are ready-made ones: {"words", "answer"}, the words of a question with commas
    between. `greeting` is what the assistant says first, in its own words where it is ''."""

    greeting: str = ""
    ask_order: bool = True
    ask_email: bool = True
    answers: tuple[dict[str, str], ...] = ()

    @classmethod
    def of_inbox(cls, inbox: Inbox) -> Reception:
        return cls.of(accounts.config_of(inbox).reception)


def bot_of(inbox: Inbox) -> Bot | None:
    """Who receives there, also while they are off."""
    rows = Bot.objects.select_related("team", "fallback", "inbox")
    return rows.filter(inbox=inbox, team=inbox.team_id).first()


def follow(inbox: Inbox) -> None:
    """The chat may have been given to another team: an assistant that receives works there now."""
    rows = Bot.objects.select_related("fallback").filter(inbox=inbox, is_active=True)
    if left := rows.exclude(team=inbox.team_id).first():
        save(
            inbox,
            Reception.of_inbox(inbox),
            name=left.name,
            fallback=left.fallback or inbox.team,
            is_on=True,
            holds_for=left.holds_for,
        )


def save(
    inbox: Inbox,
    reception: Reception,
    *,
    name: str,
    fallback: Team,
    is_on: bool,
    holds_for: timedelta = BOT_HOLDS_FOR,
) -> Bot:
    """Set a chat's assistant up. One that is off, or of a team the chat was taken from, gives up
    what it has."""
    accounts.save_account(inbox, replace(accounts.config_of(inbox), reception=reception.stored()))
    for other in Bot.objects.filter(inbox=inbox, is_active=True).exclude(team=inbox.team_id):
        bots.keep(other, is_active=False)
    bot = bot_of(inbox) or Bot(inbox=inbox, team=inbox.team)
    bot.name, bot.fallback, bot.holds_for = name, fallback, holds_for
    return bots.keep(bot, is_active=is_on)


def told(bot: Bot | None) -> dict[str, Any]:
    """Of the bot itself, as its form has it."""
    if bot is None:
        return {"is_on": False, "minutes": int(BOT_HOLDS_FOR.total_seconds() // 60)}
    minutes = int(bot.holds_for.total_seconds() // 60)
    return {
        "is_on": bot.is_active,
        "name": bot.name,
        "fallback": bot.people.pk,
        "minutes": max(minutes, 1),
    }
