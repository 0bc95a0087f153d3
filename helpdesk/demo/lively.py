"""Agents and customers who act by script, so that the floor lives. Off until switched on.

How far a matter of theirs has come is told by its newest text alone, so nothing is lost with a
worker. A matter in which anybody else wrote, which somebody else owns or has open, is left alone.
"""

from __future__ import annotations

import time
import tomllib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connection

from channels_inbox import receive
from channels_inbox.chat import visitors
from channels_inbox.chat.envelopes import Said
from channels_inbox.chat.models import Visitor
from channels_inbox.chat.signatures import Claims
from conversations import doorbells, ownership, presence, replies, tickets
from conversations.errors import DomainError
from conversations.going_out import Outgoing
from conversations.models import Agent, Delivery, Entry, Inbox, Ticket
from conversations.thread import database_now
from helpdesk.demo import onlookers, postbox
from helpdesk.demo.cast import LIVELY, LIVELY_SWITCH, MAIL_DOMAIN
from helpdesk.demo.stories import TOLD, people

if TYPE_CHECKING:
    from pathlib import Path

MOST_OPEN: Final = 5
# Between two steps of one matter, and between two new ones.
STEP: Final = timedelta(seconds=12)
NEW: Final = timedelta(seconds=25)
TYPES_FOR: Final = 2.0
TURN: Final = "SELECT pg_try_advisory_lock(hashtext('helpdesk.lively'))"
TURN_OVER: Final = "SELECT pg_advisory_unlock(hashtext('helpdesk.lively'))"
NAMESPACE: Final = uuid.UUID("6f0c3f0e-0f5c-4f0b-9a53-5f3c8a7f6d21")


@dataclass(frozen=True)
class Talk:
    """One small matter from question to thanks; `who` asks, `by` answers."""

    who: str
    by: str
    team: str
    does: str
    subject: str
    ask: str
    answer: str
    thanks: str
    note: str = ""

    @property
    def email(self) -> str:
        return f"{self.who}@{MAIL_DOMAIN}"


@cache
def talks() -> tuple[Talk, ...]:
    told = tomllib.loads((TOLD / "lively.toml").read_text(encoding="utf-8"))
    return tuple(Talk(**one) for one in told["talk"])


def switch_file() -> Path:
    """It is there while the floor is to live."""
    found: Path = settings.DATA_DIR / LIVELY_SWITCH
    return found


def is_on() -> bool:
    return bool(settings.DEMO) and switch_file().exists()


def switch(*, on: bool) -> None:
    if on:
        switch_file().touch()
    else:
        switch_file().unlink(missing_ok=True)


def act(now: datetime | None = None) -> str:
    """Do one thing that is due, if there is any. Returns what was done, "" for nothing.

    One worker at a time: what another one begins is not begun twice.
    """
    if not is_on():
        return ""
    with connection.cursor() as cursor:
        cursor.execute(TURN)
        if not cursor.fetchone()[0]:
            return ""
    try:
        return _act(now or database_now())
    except postbox.NotThere:
        return ""
    finally:
        with connection.cursor() as cursor:
            cursor.execute(TURN_OVER)


def _act(now: datetime) -> str:
    running = _running()
    if done := _one_step(running, now):
        return done
    # What a person took is theirs: it may stay open, and the floor lives on.
    ours = [one for one in running if one.agent is None or one.agent.email in _emails()]
    if len(ours) < MOST_OPEN and all(ticket.opened_at < now - NEW for ticket in running):
        return _ask(running)
    return ""


def _one_step(running: list[Ticket], now: datetime) -> str:
    agents = {one.email: one for one in Agent.objects.filter(email__in=_emails(), is_active=True)}
    presence.renew(agent.pk for agent in agents.values())
    for ticket in running:
        newest = ticket.newest
        if newest is None or newest.at > now - STEP:
            continue
        talk = _talk_of(newest.text)
        by = agents.get(f"{talk.by}@{MAIL_DOMAIN}")
        if by and (done := _go_on(ticket, newest, talk, by)):
            return done
    return ""


def _running() -> list[Ticket]:
    """Matters of ours that are not done, those that have waited longest first."""
    rows = Ticket.objects.unresolved().filter(newest__text__in=list(stages()))
    return list(
        rows.select_related("newest", "agent", "conversation", "team").order_by("newest__at", "pk")
    )


@cache
def stages() -> dict[str, tuple[Talk, str]]:
    """Every text, with the talk it is of and what it is there."""
    return {
        text: (talk, name)
        for talk in talks()
        for name in ("ask", "note", "answer", "thanks")
        if (text := getattr(talk, name))
    }


def _talk_of(text: str) -> Talk:
    return stages()[text][0]


def _go_on(ticket: Ticket, newest: Entry, talk: Talk, by: Agent) -> str:
    """The next step of a matter, unless it is somebody else's by now."""
    if ticket.agent_id not in (None, by.pk) or onlookers.of(ticket.conversation_id, but=_emails()):
        return ""
    stage = stages()[newest.text][1]
    try:
        if stage == "answer":
            return _thank(newest, talk)
        if stage == "thanks":
            tickets.resolve(ticket, by=by)
            return "resolves"
        if ticket.agent_id is None:
            ownership.take(ticket, by=by, epoch=ticket.owner_epoch)
            return "takes"
        if stage == "ask" and talk.note:
            return _note(ticket, newest, talk, by)
        return _answer(ticket, newest, talk, by)
    except DomainError:
        # Somebody else was quicker; the next turn looks again.
        return ""


def _note(ticket: Ticket, newest: Entry, talk: Talk, by: Agent) -> str:
    replies.note(ticket, by=by, text=talk.note, client_token=_token(newest, "note"))
    return "notes"


def _answer(ticket: Ticket, newest: Entry, talk: Talk, by: Agent) -> str:
    """Typed for a moment first. The same token again while it is held: it is sent once."""
    head = ticket.conversation.head
    asked = ticket.entries.filter(direction="in").select_related("inbox").latest("at", "pk")
    assert asked.identity_id is not None and asked.inbox_id is not None
    _say(ticket, by, typing="reply")
    time.sleep(TYPES_FOR)
    replies.reply(
        ticket,
        by=by,
        outgoing=Outgoing(
            talk.answer,
            asked.identity_id,
            asked.inbox_id,
            subject=talk.subject and f"Re: {talk.subject}",
        ),
        seen_head=head,
        client_token=_token(asked, "answer"),
    )
    _say(ticket, by, viewing=False)
    return "answers"


def _say(ticket: Ticket, by: Agent, *, viewing: bool = True, typing: str = "") -> None:
    doorbells.say_people(
        ticket.conversation_id, agent=by.pk, name=str(by), viewing=viewing, typing=typing
    )


def _thank(answer: Entry, talk: Talk) -> str:
    """The customer writes again, once the answer has reached them."""
    delivery = Delivery.objects.select_related("inbox").filter(entry=answer).first()
    if delivery is None or delivery.state not in ("sent", "delivered", "read"):
        return ""
    if talk.does == "chat":
        return _chat(talk, talk.thanks, str(answer.pk))
    answered = (f"<{delivery.provider_id}>",)
    name = _named(talk, talk.thanks, str(answer.pk))
    letter = postbox.Letter(
        delivery.inbox.address, f"Re: {talk.subject}", talk.thanks, answered, name=name.hex
    )
    postbox.send(talk.email, people()[talk.who], letter)
    return "thanks"


def _ask(running: list[Ticket]) -> str:
    """A customer with a question: whoever has not had one for longest."""
    busy = {_talk_of(ticket.newest.text) for ticket in running if ticket.newest}
    asked = Entry.objects.filter(text__in=[talk.ask for talk in talks()])
    last = dict(asked.order_by("at").values_list("text", "at"))
    free = [talk for talk in talks() if talk not in busy]
    if not free:
        return ""
    never = datetime.min.replace(tzinfo=UTC)
    talk = min(free, key=lambda one: last.get(one.ask, never))
    before = str(last.get(talk.ask, never))
    if talk.does == "chat":
        return _chat(talk, talk.ask, before)
    inbox = Inbox.objects.active().filter(kind="email", team__name=talk.team).first()
    if inbox is None:
        return ""
    name = _named(talk, talk.ask, before)
    letter = postbox.Letter(inbox.address, talk.subject, talk.ask, name=name.hex)
    postbox.send(talk.email, people()[talk.who], letter)
    return "asks"


def _chat(talk: Talk, text: str, again: str) -> str:
    """As from a window of the shop in which they are signed in."""
    chat = Inbox.objects.active().filter(kind="chat").order_by("pk").first()
    if chat is None:
        return ""
    claims = Claims(talk.who, people()[talk.who], talk.email)
    open_ones = Visitor.objects.going_on().filter(inbox=chat, subject=talk.who)
    visitor = open_ones.first() or visitors.begin(chat, claims=claims).visitor
    token = str(_named(talk, text, again))
    receive.keep(chat, Said(visitor.public_id, token, text).raw())
    return "chats"


def _named(talk: Talk, text: str, again: str) -> uuid.UUID:
    """The name of what a customer writes; `again` tells one time from the next. Should it be
    written twice, as its arrival took long, it is kept once."""
    return uuid.uuid5(NAMESPACE, f"{talk.who}:{text}:{again}")


def _token(entry: Entry, what: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"{entry.origin_id}/{entry.seq}:{what}")


def _emails() -> frozenset[str]:
    return frozenset(f"{slug}@{MAIL_DOMAIN}" for slug in LIVELY)
