"""What the row of a ticket in a list shows, as plain values in the reader's words and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _

from conversations.models import DeadlineKind
from conversations.templatetags.desk import Pill, channel_name, initials, pill, whose
from conversations.templatetags.icons import channel_icon
from conversations.views.drawing import draw

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from conversations.models import Agent, Entry, Ticket
    from conversations.moments import Reader

PREVIEW = 120


class Line(NamedTuple):
    """`icon` and `icon_words` tell what the newest entry is; `promised` is when the next promise is
    due, '' where the deadline says it; `owner` is '' where the list says it already. `sort` is its
    place in the list: "moment,ticket"."""

    ticket: int
    conversation: int
    sort: str
    chosen: bool
    name: str
    letters: str
    owner: str
    ago: str
    at: str
    at_full: str
    restricted: bool
    promised: str
    draft: bool
    unread: bool
    icon: str
    icon_words: str
    subject: str
    preview: str
    pill: Pill

    @property
    def key(self) -> str:
        return f"row:{self.ticket}"

    @property
    def drawn(self) -> SafeString:
        return draw("list_row", self)


def line_of(
    ticket: Ticket,
    viewer: Agent,
    reader: Reader,
    *,
    chosen: bool,
    draft: bool,
    unread: bool,
    with_owner: bool,
) -> Line:
    name = whose(ticket)
    icon, words = _kind(ticket.newest)
    active = reader.said(ticket.active_at)
    return Line(
        ticket=ticket.pk,
        conversation=ticket.conversation_id,
        sort=f"{ticket.place.isoformat()},{ticket.pk}",
        chosen=chosen,
        name=name,
        letters=initials(name),
        owner=_owner(ticket, viewer) if with_owner else "",
        ago=reader.short_ago(ticket.active_at),
        at=active.iso,
        at_full=active.full,
        restricted=bool(ticket.restriction),
        promised=_promised(ticket, reader),
        draft=draft,
        unread=unread,
        icon=icon,
        icon_words=words,
        subject=ticket.subject,
        preview=_preview(ticket),
        pill=pill(ticket, reader, short=True),
    )


def _owner(ticket: Ticket, viewer: Agent) -> str:
    if ticket.agent_id == viewer.pk:
        return _("You")
    if ticket.agent:
        return ticket.agent.get_short_name()
    return str(ticket.bot or ticket.team)


def _promised(ticket: Ticket, reader: Reader) -> str:
    if ticket.promised_at is None or ticket.deadline_kind == DeadlineKind.PROMISE:
        return ""
    return reader.soon(ticket.promised_at)


def _kind(newest: Entry | None) -> tuple[str, str]:
    if newest is None:
        return "", ""
    if newest.is_note:
        return "lock", _("Note")
    if newest.is_call:
        return "phone", _("Call")
    if newest.is_outbound and newest.actor.startswith("bot:"):
        return "bot", _("The assistant answered")
    if newest.is_outbound:
        return "reply", _("You answered")
    if newest.inbox:
        return channel_icon(newest.inbox.kind), channel_name(newest.inbox.kind)
    return "", ""


def _preview(ticket: Ticket) -> str:
    start = " ".join((getattr(ticket, "newest_text", "") or "").split())
    if not start and ticket.newest and ticket.newest.is_call:
        return _("Call")
    return start if len(start) <= PREVIEW else f"{start[: PREVIEW - 1]}…"
