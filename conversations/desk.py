"""The desk's lists: tickets by whose they are and how they stand, never counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Prefetch
from django.db.models.functions import Left
from django.utils.translation import gettext_lazy as _

from conversations.models import Agent, Identity, Inbox, Membership, Status, Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models.tickets import TicketQuerySet

PAGE = 50
START = 160
ROW = (
    *("conversation__customer__name", "subject", "status", "restriction", "rev", "team", "agent"),
    *("deadline_at", "deadline_kind", "resolved_at", "active_at"),
    *("newest__kind", "newest__direction", "newest__inbox", "newest__identity"),
    *("newest__actor", "newest__at"),
)


class Folder(models.TextChoices):
    MINE = "mine", _("Mine")
    TEAMS = "teams", _("My teams")
    UNASSIGNED = "unassigned", _("Unassigned")
    ALL = "all", _("All")


@dataclass(frozen=True)
class Listing:
    """Tickets in list order, and the cursor of the next page ('' at the end)."""

    tickets: Sequence[Ticket]
    next: str


def listing(
    agent: Agent, *, folder: str = Folder.MINE, status: str = Status.OPEN, after: str = ""
) -> Listing:
    """One page of a list: unresolved tickets by deadline, resolved ones newest first.

    Raises ValueError for a folder, status or cursor that isn't one.
    """
    rows = _of_folder(Ticket.objects.visible_to(agent), agent, Folder(folder)).filter(
        status=Status(status)
    )
    resolved = status == Status.RESOLVED
    key = "resolved_at" if resolved else "deadline_at"
    if after:
        rows = _after(rows, key, after, descending=resolved)
    sign = "-" if resolved else ""
    found = list(rows_of(rows).order_by(f"{sign}{key}", f"{sign}id")[: PAGE + 1])
    more = len(found) > PAGE
    found = found[:PAGE]
    return Listing(found, _cursor(found[-1], key) if more else "")


def among(agent: Agent, ids: Sequence[int], *, folder: str, status: str) -> Sequence[Ticket]:
    """Those of these tickets that belong to a list of the agent's, for patching it in place.

    Raises ValueError for a folder or status that isn't one.
    """
    rows = _of_folder(Ticket.objects.visible_to(agent), agent, Folder(folder))
    return list(rows_of(rows.filter(status=Status(status), pk__in=list(ids)[:PAGE])))


def rows_of(tickets: TicketQuerySet) -> TicketQuerySet:
    """With all that a list row shows and no more, in a fixed number of queries."""
    return (
        tickets.select_related("conversation__customer", "newest")
        .annotate(newest_text=Left("newest__text", START))
        .only(*ROW)
        .prefetch_related(
            "team",
            Prefetch("agent", queryset=Agent.objects.only("name", "email")),
            Prefetch("newest__identity", queryset=Identity.objects.only("kind", "value", "label")),
            Prefetch("newest__inbox", queryset=Inbox.objects.only("kind")),
        )
    )


def _of_folder(rows: TicketQuerySet, agent: Agent, folder: Folder) -> TicketQuerySet:
    teams = list(Membership.objects.acting(agent).values_list("team", flat=True))
    if folder == Folder.MINE:
        return rows.filter(agent=agent)
    if folder == Folder.TEAMS:
        return rows.filter(team__in=teams)
    if folder == Folder.UNASSIGNED:
        return rows.filter(team__in=teams, agent=None, bot=None)
    return rows


def _after(rows: TicketQuerySet, key: str, cursor: str, *, descending: bool) -> TicketQuerySet:
    text, _comma, pk = cursor.partition(",")
    at = datetime.fromisoformat(text)
    if descending:
        return rows.filter(**{f"{key}__lte": at}).exclude(**{key: at, "pk__gte": int(pk)})
    return rows.filter(**{f"{key}__gte": at}).exclude(**{key: at, "pk__lte": int(pk)})


def _cursor(ticket: Ticket, key: str) -> str:
    return f"{getattr(ticket, key).isoformat()},{ticket.pk}"
