"""The list pane: which list an agent came from, and its rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.http import Http404
from django.utils import timezone

from conversations import desk
from conversations.models import Draft, Status, Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from conversations.models import Agent

COOKIE = "list"
LARGEST_ID = 2**62
FOLDERS = desk.Folder.choices
STATUSES = Status.choices


@dataclass(frozen=True)
class Pane:
    """A page of a list as it is shown. `mark` changes when any row of it looks different."""

    folder: str
    status: str
    tickets: Sequence[Ticket]
    next: str
    drafts: frozenset[int]
    first: bool = True

    @property
    def label(self) -> str:
        return str(desk.Folder(self.folder).label)

    @property
    def statuses(self) -> list[tuple[str, object]]:
        return list(STATUSES)

    @property
    def mark(self) -> str:
        told = [
            (row.pk, row.rev, row.newest_id, row.pk in self.drafts, row.conversation.customer.name)
            for row in self.tickets
        ]
        minute = timezone.now().strftime("%H%M")
        return hashlib.sha256(f"{minute}{self.next}{told}".encode()).hexdigest()[:16]


def pane(agent: Agent, folder: str, status: str, after: str = "") -> Pane:
    """Raises Http404 for a list or a place in it that isn't one."""
    try:
        found = desk.listing(agent, folder=folder, status=status, after=checked_cursor(after))
    except ValueError:
        raise Http404 from None
    return Pane(folder, status, found.tickets, found.next, _drafts(agent, found.tickets), not after)


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
