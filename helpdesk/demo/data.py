"""What a newcomer finds in the demo: its people, teams, inboxes, and what has happened there."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from channels_inbox.chat import accounts as chat
from channels_inbox.chat.config import ChatConfig
from channels_inbox.chat.reception import settings as reception
from channels_inbox.chat.reception.settings import Reception
from channels_inbox.chat.signatures import new_secret
from channels_inbox.email.accounts import save_account
from channels_inbox.email.config import NONE, MailConfig
from channels_inbox.email.connections import IMAP_PASSWORD, SMTP_PASSWORD
from conversations.models import Agent, Inbox, Membership, Team
from conversations.thread import database_now
from helpdesk.demo import lines, long, rota
from helpdesk.demo.cast import CAST, MAIL_DOMAIN, PASSWORD, RESTRICTED, TEAMS
from helpdesk.demo.clock import Clock
from helpdesk.demo.letters import fill_mailboxes
from helpdesk.demo.stories import stories
from helpdesk.demo.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

UNDO_WINDOW = timedelta(seconds=5)
# What is older than an agent counts as read by them.
HERE_FOR = timedelta(hours=9)


def load_once() -> None:
    """Fill the desk if it is empty, in one transaction; several starts at once fill it once."""
    bubbles: list[dict[str, Any]] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('helpdesk.demo_data'))")
        if not Agent.objects.exists():
            bubbles = load()
        else:
            _connect_mail(Inbox.objects.filter(kind="email"))
    if settings.DEMO_SANDBOX_PORTS:
        lines.open_hooks()
        lines.fill_phones(bubbles)


def load() -> list[dict[str, Any]]:
    """Create the demo's people, teams, inboxes and stories, and the mail in its mailboxes. Returns
    what is to be on the customers' phones."""
    agents = hire()
    inboxes = {team.name: inbox_of(team) for team in Team.objects.all()}
    chat = chat_beside(inboxes["Support"])
    apps = lines.connect(inboxes["Support"].team, agents["ada"])
    # It is told first: acts of the clock are those from here on.
    long.tell(inboxes["Support"], [agents[slug] for slug in ("ben", "linh")], database_now())
    with connection.cursor() as cursor:
        # Thousands of rows came at once: what follows is planned by their number.
        cursor.execute("ANALYZE")
    clock = Clock()
    teller = Teller(clock, agents, inboxes, chat, apps)
    with received_by_assistant(chat):
        for customer in stories().customers:
            teller.tell(customer)
    for join in stories().joins:
        teller.join(join)
    clock.set_back()
    Inbox.objects.exclude(kind="chat").update(undo_window=UNDO_WINDOW)
    rota.give_shifts(Team.objects.get(name=TEAMS[0]), agents)
    _connect_mail(inboxes.values())
    fill_mailboxes(settings.DATA_DIR / "mail" / "mail.sqlite")
    return teller.bubbles


@contextmanager
def received_by_assistant(chat: Inbox) -> Iterator[None]:
    """While the stories are told; afterwards a newcomer's chat reaches people at once."""
    reception.save(chat, Reception(), name="Lumi", fallback=chat.team, is_on=True)
    yield
    reception.save(chat, Reception(), name="Lumi", fallback=chat.team, is_on=False)


def hire() -> dict[str, Agent]:
    """The teams and the cast, by slug. One hash for all: each would take its time, and everybody
    knows the password."""
    teams = {name: Team.objects.create(name=name, is_last_stop=name == TEAMS[0]) for name in TEAMS}
    password, began = make_password(PASSWORD), database_now() - HERE_FOR
    agents = {
        part.slug: Agent.objects.create(
            email=part.email, name=part.name, role=part.role, password=password
        )
        for part in CAST
    }
    places = ((part.slug, name) for part in CAST for name in part.teams)
    Agent.objects.update(created_at=began)
    Membership.objects.bulk_create(
        Membership(team=teams[name], agent=agents[slug]) for slug, name in places
    )
    return agents


def inbox_of(team: Team) -> Inbox:
    return Inbox.objects.create(
        name=team.name,
        kind="email",
        address=f"{team.name.lower()}@{MAIL_DOMAIN}",
        team=team,
        restriction=RESTRICTED.get(team.name, ""),
        from_name=f"Demo shop · {team.name}",
        undo_window=timedelta(0),
    )


def chat_beside(mail: Inbox) -> Inbox:
    """The chat of the demo's shop, whose users the shop signs in."""
    inbox = Inbox.objects.create(
        name="Chat",
        kind="chat",
        team=mail.team,
        from_name="Demo shop",
        undo_window=timedelta(0),
        goes_on_by=mail,
    )
    config = ChatConfig(
        title="Demo shop",
        greeting="Hello! Ask us anything about your order.",
        reply_words="We usually answer within a few minutes.",
        prechat=({"name": "name", "label": "", "type": "text", "required": False},),
    )
    chat.save_account(inbox, config)
    new_secret(inbox)
    return inbox


def _connect_mail(inboxes: Iterable[Inbox]) -> None:
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
