"""The header of a matter, and its line in the customer's panel, as plain values in the reader's
words and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.db import connection
from django.utils.translation import gettext as _

from conversations import bots, collecting
from conversations.models import PresenceState, Ticket
from conversations.presence import STATE
from conversations.templatetags.desk import Pill, customer_name, matter_name, pill
from conversations.views.drawing import draw, with_token
from conversations.views.naps import naps

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from conversations.models import Agent
    from conversations.moments import Reader
    from conversations.views.naps import Nap

# By name, in the order of the languages' letters that PostgreSQL knows.
OWNERS = f"""
SELECT t.id, t.name, a.id, coalesce(nullif(a.name, ''), a.email),
  CASE WHEN p.agent_id IS NULL THEN 'offline' ELSE {STATE} END
FROM conversations_team t
LEFT JOIN conversations_membership m ON m.team_id = t.id AND m.active
LEFT JOIN conversations_agent a ON a.id = m.agent_id
LEFT JOIN conversations_presence p ON p.agent_id = a.id
ORDER BY t.name, a.name, a.id
"""


class Owners(NamedTuple):
    """A team and who acts in it, each (id, name, what they are now)."""

    team: int
    name: str
    agents: tuple[tuple[int, str, str], ...]


class Choice(NamedTuple):
    """Who may become the owner; now it is this team, and perhaps one of its agents."""

    team: int
    agent: int | None
    owners: tuple[Owners, ...]

    @property
    def drawn(self) -> SafeString:
        return draw("strip_owners", self)


class Naps(NamedTuple):
    all: tuple[Nap, ...]

    @property
    def drawn(self) -> SafeString:
        return draw("strip_naps", self, brief=True)


class Found(NamedTuple):
    """A value a bot has found out, and the entry (row id) in which the customer said it."""

    label: str
    value: str
    entry: int


class Lending(NamedTuple):
    """Who of the bots may be asked, and for what: each (id or name, words)."""

    bots: tuple[tuple[int, str], ...]
    goals: tuple[tuple[str, str], ...]


class Match(NamedTuple):
    """The conversation that a matter may belong to."""

    conversation: int
    who: str
    what: str


class Strip(NamedTuple):
    """`status` are its words where they aren't said by the deadline; `restricted` is the team that
    alone reads it. What a bot owns, it gives up at `bot_until`, in words."""

    pk: int
    conversation: int
    name: str
    subject: str
    status: str
    state: str
    pill: Pill
    restricted: str
    owner: str
    team: str
    has_agent: bool
    is_mine: bool
    epoch: int
    may_act: bool
    naps: Naps | None
    choice: Choice | None
    match: Match | None
    bot_until: str
    found: tuple[Found, ...]
    lending: Lending | None


class Matter(NamedTuple):
    pk: int
    conversation: int
    name: str
    whose: str
    restricted: bool
    pill: Pill
    chosen: bool


def drawn_strip(
    request: HttpRequest, ticket: Ticket, viewer: Agent, reader: Reader, *, may_act: bool
) -> SafeString:
    """The header of a matter."""
    markup = draw("strip", strip_of(ticket, viewer, reader, may_act=may_act), brief=True)
    return with_token(markup, request) if may_act else markup


def strip_of(ticket: Ticket, viewer: Agent, reader: Reader, *, may_act: bool) -> Strip:
    acts = may_act and not ticket.is_resolved
    says_state = ticket.status != "open" and not ticket.is_resolved
    return Strip(
        pk=ticket.pk,
        conversation=ticket.conversation_id,
        name=matter_name(ticket),
        subject=ticket.subject,
        status=ticket.get_status_display() if says_state else "",
        state=ticket.status,
        pill=pill(ticket, reader),
        restricted=str(ticket.team) if ticket.restriction else "",
        owner=_owner(ticket, viewer),
        team=str(ticket.team),
        has_agent=ticket.agent_id is not None,
        is_mine=ticket.agent_id == viewer.pk,
        epoch=ticket.owner_epoch,
        may_act=may_act,
        naps=Naps(naps(reader)) if acts else None,
        choice=Choice(ticket.team_id, ticket.agent_id, owners()) if acts else None,
        match=_match(ticket, viewer),
        bot_until=_bot_until(ticket, reader),
        found=_found(ticket),
        lending=_lending(ticket) if acts else None,
    )


def drawn_matter(ticket: Ticket, reader: Reader, chosen: Ticket | None = None) -> SafeString:
    """The line of a matter in the customer's panel."""
    return draw(
        "matter",
        Matter(
            pk=ticket.pk,
            conversation=ticket.conversation_id,
            name=matter_name(ticket),
            whose=str(ticket.agent or ticket.team),
            restricted=bool(ticket.restriction),
            pill=pill(ticket, reader),
            chosen=chosen is not None and chosen.pk == ticket.pk,
        ),
        brief=True,
    )


def owners() -> tuple[Owners, ...]:
    """All teams by name."""
    found: dict[int, tuple[str, list[tuple[int, str, str]]]] = {}
    words = {one.value: str(one.label) for one in PresenceState}
    with connection.cursor() as cursor:
        cursor.execute(OWNERS)
        for team, name, agent, agent_name, state in cursor.fetchall():
            _name, agents = found.setdefault(team, (name, []))
            agents += [(agent, agent_name, words[state])] if agent else []
    return tuple(Owners(pk, name, tuple(agents)) for pk, (name, agents) in found.items())


def _owner(ticket: Ticket, viewer: Agent) -> str:
    if ticket.agent_id == viewer.pk:
        return _("You")
    return str(ticket.agent or ticket.bot or _("Nobody"))


def _bot_until(ticket: Ticket, reader: Reader) -> str:
    if ticket.bot_until is None or ticket.is_resolved:
        return ""
    return reader.soon(ticket.bot_until)


def _found(ticket: Ticket) -> tuple[Found, ...]:
    """What never had another owner than its team was never a bot's."""
    if ticket.owner_epoch == 1:
        return ()
    return tuple(
        Found(
            collecting.label(row.name),
            collecting.words(row.name, row.sort, row.value),
            row.entry_id,
        )
        for row in collecting.of(ticket)
    )


def _lending(ticket: Ticket) -> Lending | None:
    if ticket.bot_id is not None or ticket.inbox is None or not ticket.inbox.shows_itself:
        return None
    names = tuple((bot.pk, bot.name) for bot in bots.lenders_of(ticket))
    goals = tuple((name, str(field.label)) for name, field in collecting.FIELDS.items())
    return Lending(names, goals) if names else None


def _match(ticket: Ticket, agent: Agent) -> Match | None:
    """The ticket this one may belong to, if the agent may see it and it is still elsewhere."""
    if ticket.suggests_id is None:
        return None
    found = (
        Ticket.objects.visible_to(agent)
        .select_related("conversation__customer")
        .filter(pk=ticket.suggests_id)
        .first()
    )
    if found is None or found.conversation_id == ticket.conversation_id:
        return None
    customer = found.conversation.customer
    return Match(found.conversation_id, customer_name(customer), found.subject or "…")
