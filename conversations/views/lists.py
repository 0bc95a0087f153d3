"""The list pane: which list an agent came from, and its rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from django.http import Http404
from django.urls import reverse

from conversations import desk, drafts, reading
from conversations.models import Status
from conversations.moments import Reader
from conversations.views.lines import line_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from conversations.models import Agent, Ticket
    from conversations.views.access import AgentRequest
    from conversations.views.lines import Line

COOKIE = "list"
LARGEST_ID = 2**62
FOLDERS = desk.Folder.choices
STATUSES = Status.choices


class Head(NamedTuple):
    """What is over the rows: the list's name, and its statuses, each (value, name)."""

    folder: str
    status: str
    label: str
    statuses: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Pane:
    """A page of a list as it is shown. `mark` changes when any row of it looks different."""

    folder: str
    status: str
    rows: Rows
    next: str
    first: bool = True

    @property
    def label(self) -> str:
        return str(desk.Folder(self.folder).label)

    @property
    def head(self) -> Head:
        shown = [] if self.folder == desk.Folder.OFFERED else STATUSES
        return Head(self.folder, self.status, self.label, tuple((v, str(n)) for v, n in shown))

    @cached_property
    def lines(self) -> Sequence[Line]:
        return self.rows.lines

    @property
    def mark(self) -> str:
        return hashlib.sha256(f"{self.next}{self.rows.said}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Rows:
    """Tickets as the rows of an agent's list, who looks at the one with the id `chosen`."""

    agent: Agent
    folder: str
    tickets: Sequence[Ticket]
    drafts: frozenset[int]
    unread: frozenset[int]
    chosen: int | None = None

    @property
    def lines(self) -> Sequence[Line]:
        reader = Reader.here()
        return [
            line_of(
                ticket,
                self.agent,
                reader,
                chosen=ticket.pk == self.chosen,
                draft=ticket.pk in self.drafts,
                unread=ticket.pk in self.unread,
                with_owner=self.folder != desk.Folder.MINE,
            )
            for ticket in self.tickets
        ]

    @property
    def said(self) -> list[object]:
        """All that the rows say of the tickets, and nothing that only the clock changes: browsers
        count that on by themselves. Made without drawing, as every open page asks for it."""
        return [
            (desk.told(row), row.pk in self.drafts, row.pk in self.unread) for row in self.tickets
        ]


def pane(
    agent: Agent, folder: str, status: str, after: str = "", *, chosen: Ticket | None = None
) -> Pane:
    """Raises Http404 for a list or a place in it that isn't one."""
    try:
        found = desk.listing(agent, folder=folder, status=status, after=checked_cursor(after))
    except ValueError:
        raise Http404 from None
    rows = _rows(agent, found.tickets, folder, chosen.pk if chosen else None)
    return Pane(folder, status, rows, found.next, not after)


def pane_beside(request: AgentRequest, *, chosen: Ticket | None) -> Pane:
    """The list an agent came from, beside a conversation. A script that shows this very list
    already, and keeps its rows, says so: then it comes without them."""
    folder, status = came_from(request)
    if request.headers.get("X-List") == reverse("conversations:rows", args=[folder, status]):
        return Pane(folder, status, Rows(request.user, folder, (), frozenset(), frozenset()), "")
    return pane(request.user, folder, status, chosen=chosen)


def some(agent: Agent, folder: str, status: str, ids: Sequence[int]) -> Sequence[Line]:
    """Rows of these tickets as the list shows them; those that aren't in it are left out."""
    try:
        found = desk.among(agent, ids, folder=folder, status=status)
    except ValueError:
        raise Http404 from None
    return _rows(agent, found, folder).lines


def _rows(agent: Agent, tickets: Sequence[Ticket], folder: str, chosen: int | None = None) -> Rows:
    begun = drafts.begun(agent, [ticket.pk for ticket in tickets])
    return Rows(agent, folder, tickets, begun, reading.unread_of(agent, tickets), chosen)


def came_from(request: HttpRequest) -> tuple[str, str]:
    """The list last looked at in this browser."""
    folder, _dot, status = request.COOKIES.get(COOKIE, "").partition(".")
    if folder == desk.Folder.OFFERED:
        return folder, Status.OPEN
    if folder in desk.Folder.values and status in Status.values:
        return folder, status
    return desk.Folder.MINE, Status.OPEN


def remember(response: HttpResponse, folder: str, status: str) -> HttpResponse:
    response.set_cookie(COOKIE, f"{folder}.{status}", samesite="Lax", httponly=True)
    return response


def checked_cursor(text: str) -> str:
    """A cursor "moment,id" the database can be asked about. Raises Http404 for any other text."""
    if not text:
        return ""
    at, _comma, pk = text.partition(",")
    try:
        moment = datetime.fromisoformat(at)
        fine = moment.tzinfo is not None and 1970 < moment.year < 3000 and 0 <= int(pk) < LARGEST_ID
    except (ValueError, OverflowError):
        fine = False
    if not fine:
        raise Http404
    return text
