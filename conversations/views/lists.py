"""The list pane: which list an agent came from, and its rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.http import Http404

from conversations import desk, reading
from conversations.models import Draft, Status
from conversations.views.lines import line_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from conversations.models import Agent, Ticket
    from conversations.views.lines import Line

COOKIE = "list"
LARGEST_ID = 2**62
FOLDERS = desk.Folder.choices
STATUSES = Status.choices


@dataclass(frozen=True)
class Pane:
    """A page of a list as it is shown. `mark` changes when any row of it looks different."""

    folder: str
    status: str
    lines: Sequence[Line]
    next: str
    first: bool = True

    @property
    def label(self) -> str:
        return str(desk.Folder(self.folder).label)

    @property
    def statuses(self) -> list[tuple[str, object]]:
        return list(STATUSES)

    @property
    def mark(self) -> str:
        told = [line.said for line in self.lines]
        return hashlib.sha256(f"{self.next}{told}".encode()).hexdigest()[:16]


def pane(
    agent: Agent, folder: str, status: str, after: str = "", *, chosen: Ticket | None = None
) -> Pane:
    """Raises Http404 for a list or a place in it that isn't one."""
    try:
        found = desk.listing(agent, folder=folder, status=status, after=checked_cursor(after))
    except ValueError:
        raise Http404 from None
    lines = _lines(agent, found.tickets, folder, chosen)
    return Pane(folder, status, lines, found.next, not after)


def some(agent: Agent, folder: str, status: str, ids: Sequence[int]) -> Sequence[Line]:
    """Rows of these tickets as the list shows them; those that aren't in it are left out."""
    try:
        found = desk.among(agent, ids, folder=folder, status=status)
    except ValueError:
        raise Http404 from None
    return _lines(agent, found, folder)


def _lines(
    agent: Agent,
    tickets: Sequence[Ticket],
    folder: str,
    chosen: Ticket | None = None,
) -> Sequence[Line]:
    drafts, unread = _drafts(agent, tickets), reading.unread_of(agent, tickets)
    return [
        line_of(
            ticket,
            agent,
            chosen=chosen is not None and chosen.pk == ticket.pk,
            draft=ticket.pk in drafts,
            unread=ticket.pk in unread,
            with_owner=folder != desk.Folder.MINE,
        )
        for ticket in tickets
    ]


def came_from(request: HttpRequest) -> tuple[str, str]:
    """The list last looked at in this browser."""
    folder, _dot, status = request.COOKIES.get(COOKIE, "").partition(".")
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


def _drafts(agent: Agent, tickets: Sequence[Ticket]) -> frozenset[int]:
    rows = Draft.objects.filter(agent=agent, ticket__in=[ticket.pk for ticket in tickets])
    return frozenset(rows.values_list("ticket", flat=True))
