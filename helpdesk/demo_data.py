"""What a newcomer finds in the demo, made by the verbs that people and channels use."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pgtrigger
from django.conf import settings
from django.db import connection, transaction

from channels_inbox.chat import accounts as chat
from channels_inbox.chat.config import ChatConfig
from channels_inbox.chat.signatures import new_secret
from channels_inbox.email.accounts import save_account
from channels_inbox.email.config import NONE, MailConfig
from channels_inbox.email.connections import IMAP_PASSWORD, SMTP_PASSWORD
from conversations import deliveries, intake, replies, tickets
from conversations.customers import Address
from conversations.models import (
    Agent,
    Customer,
    Entry,
    Identity,
    Inbox,
    Membership,
    Proof,
    Team,
    Ticket,
)
from conversations.thread import database_now
from helpdesk.demo_cast import CAST, MAIL_DOMAIN, PASSWORD
from helpdesk.demo_stories import STORIES, Line, Story

if TYPE_CHECKING:
    from django.db.models import QuerySet


def load_once() -> None:
    """Fill the desk if it is empty, in one transaction; several starts at once fill it once."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('helpdesk.demo_data'))")
        if not Agent.objects.exists():
            load()
        else:
            _connect_mail(Inbox.objects.filter(kind="email"))


def load() -> None:
    """Create the demo's people, teams, mailboxes and stories."""
    teams = {name: Team.objects.create(name=name) for name in ("Support", "Billing")}
    people = {part.role: _person(part.email, part.name, part.role, teams) for part in CAST}
    inboxes = {name: _inbox(team) for name, team in teams.items()}
    for story in STORIES:
        _tell(story, inboxes[story.team], people["agent"])
    Inbox.objects.update(undo_window=timedelta(seconds=5))
    _connect_mail(Inbox.objects.all())
    _chat(teams["Support"], inboxes["Support"])


def _person(email: str, name: str, role: str, teams: dict[str, Team]) -> Agent:
    agent = Agent.objects.create_user(email, PASSWORD, name=name, role=role)
    for team in teams.values():
        Membership.objects.create(team=team, agent=agent)
    return agent


def _inbox(team: Team) -> Inbox:
    return Inbox.objects.create(
        name=team.name,
        kind="email",
        address=f"{team.name.lower()}@{MAIL_DOMAIN}",
        team=team,
        from_name=f"Demo shop · {team.name}",
        undo_window=timedelta(0),
    )


def _chat(team: Team, mail: Inbox) -> None:
    """The chat of the demo's shop, whose users the shop signs in."""
    inbox = Inbox.objects.create(
        name="Chat",
        kind="chat",
        team=team,
        from_name="Demo shop",
        undo_window=timedelta(0),
        goes_on_by=mail,
    )
    config = ChatConfig(
        title="Demo shop",
        greeting="Hello! Ask us anything about your order.",
        reply_words="We usually answer within a few minutes.",
        prechat=({"name": "name", "label": "Your name", "type": "text", "required": False},),
    )
    chat.save_account(inbox, config)
    new_secret(inbox)


def _connect_mail(inboxes: QuerySet[Inbox]) -> None:
    """Point the mailboxes at the local mail pair, whose ports may differ at each start."""
    mail: dict[str, Any] = settings.DEMO_MAIL
    for inbox in inboxes:
        config = MailConfig(
            imap_host=mail["host"],
            imap_port=mail["imap_port"],
            imap_security=NONE,
            imap_username=inbox.address,
            smtp_host=mail["host"],
            smtp_port=mail["smtp_port"],
            smtp_security=NONE,
            smtp_username=inbox.address,
            plus_addressing=True,
            authserv_id=f"mail.{MAIL_DOMAIN}",
        )
        save_account(inbox, config, {IMAP_PASSWORD: PASSWORD, SMTP_PASSWORD: PASSWORD})


def _tell(story: Story, inbox: Inbox, agent: Agent) -> None:
    sender = Address("email", f"{story.address}@{MAIL_DOMAIN}", label=story.name)
    first = _hear(story, inbox, sender, story.lines[0][2], 0)
    ticket = _ticket_of(first)
    for number, line in enumerate(story.lines[1:], start=1):
        _say(story, inbox, sender, agent, first, line, number)
    if story.then == "resolved":
        tickets.resolve(ticket, by=agent)
    Customer.objects.filter(conversation=first.conversation).update(name=story.name)
    _backdate(first, story.lines)


def _say(
    story: Story,
    inbox: Inbox,
    sender: Address,
    agent: Agent,
    first: Entry,
    line: Line,
    number: int,
) -> None:
    _hours, who, text = line
    ticket = _ticket_of(first)
    if who == "<":
        _hear(story, inbox, sender, text, number)
    elif who == "#":
        replies.note(ticket, by=agent, text=text, client_token=uuid.uuid4())
    else:
        _answer(inbox, agent, first, ticket, story.subject, text)


def _hear(story: Story, inbox: Inbox, sender: Address, text: str, number: int) -> Entry:
    name = f"{story.address}-{number}@{MAIL_DOMAIN}"
    earlier = tuple(f"{story.address}-{n}@{MAIL_DOMAIN}" for n in range(number))
    outcome = intake.receive(
        intake.Inbound(
            inbox=inbox,
            external_id=name,
            sender=sender,
            proof=Proof.ALIGNED,
            text=text,
            subject=story.subject if number == 0 else f"Re: {story.subject}",
            names=(name,),
            replies_to=earlier,
        )
    )
    assert outcome.entry is not None
    return outcome.entry


def _answer(
    inbox: Inbox, agent: Agent, first: Entry, ticket: Ticket, subject: str, text: str
) -> None:
    """A reply that has gone out long ago: sent through the outbox's own verbs, not by mail."""
    assert first.identity_id is not None
    first.conversation.refresh_from_db()
    replies.reply(
        ticket,
        by=agent,
        outgoing=replies.Outgoing(text, first.identity_id, inbox.pk, subject=f"Re: {subject}"),
        seen_head=first.conversation.head,
        client_token=uuid.uuid4(),
    )
    for lease in deliveries.claim([inbox.pk], 1):
        deliveries.sent(lease)


def _ticket_of(entry: Entry) -> Ticket:
    assert entry.ticket_id is not None
    return Ticket.objects.get(pk=entry.ticket_id)


@pgtrigger.ignore("conversations.Entry:number_for_ever")
def _backdate(first: Entry, lines: tuple[Line, ...]) -> None:
    """Spread a story over the past, so that the desk looks like one that has been in use."""
    now = database_now()
    said = iter(lines)
    at = now - timedelta(hours=lines[0][0], seconds=1)
    for entry in Entry.objects.filter(conversation=first.conversation_id).order_by("at", "id"):
        if entry.kind != "event":
            at = now - timedelta(hours=next(said)[0])
        else:
            at += timedelta(milliseconds=1)
        Entry.objects.filter(pk=entry.pk).update(at=at)
    opened = now - timedelta(hours=lines[0][0])
    for ticket in Ticket.objects.filter(conversation=first.conversation_id).select_related("team"):
        asked = now - timedelta(hours=lines[-1][0])
        wait = (
            ticket.team.respond_within if ticket.status == "open" else ticket.team.follow_up_after
        )
        Ticket.objects.filter(pk=ticket.pk).update(
            opened_at=opened,
            active_at=asked,
            resolved_at=asked if ticket.is_resolved else None,
            deadline_at=None if ticket.is_resolved else asked + wait,
        )
    Identity.objects.filter(conversation=first.conversation_id).update(wrote_at=opened)
    Customer.objects.filter(conversation=first.conversation_id).update(created_at=opened)
