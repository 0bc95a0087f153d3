"""The one next deadline of a ticket: whose turn it is says when, unless a promise is due before.

What the deadline would be without the promise is kept beside it, and counts again when the promise
is settled. Nothing is saved here: verbs stamp `FIELDS` with whatever else they change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conversations.models import DeadlineKind

if TYPE_CHECKING:
    from datetime import datetime

    from conversations.models import Ticket

FIELDS: Final = ("deadline_at", "deadline_kind", "otherwise_at", "otherwise_kind")


def arm(ticket: Ticket, at: datetime, kind: str) -> None:
    """Whose turn it is says `at`; what is promised before then comes first."""
    promised = ticket.promised_at
    if promised is None or promised >= at:
        ticket.deadline_at, ticket.deadline_kind = at, kind
        ticket.otherwise_at, ticket.otherwise_kind = None, ""
    else:
        ticket.deadline_at, ticket.deadline_kind = promised, DeadlineKind.PROMISE
        ticket.otherwise_at, ticket.otherwise_kind = at, kind


def disarm(ticket: Ticket) -> None:
    """Nothing is to be done any more."""
    ticket.deadline_at, ticket.deadline_kind = None, ""
    ticket.otherwise_at, ticket.otherwise_kind = None, ""


def promised(ticket: Ticket, at: datetime | None) -> None:
    """Of an unresolved ticket: when the next open promise is due now, if there is one."""
    own, kind = turn(ticket)
    ticket.promised_at = at
    if own is not None:
        arm(ticket, own, kind)


def turn(ticket: Ticket) -> tuple[datetime | None, str]:
    """When something is due by whose turn it is, whatever was promised."""
    if ticket.deadline_kind == DeadlineKind.PROMISE:
        return ticket.otherwise_at, ticket.otherwise_kind
    return ticket.deadline_at, ticket.deadline_kind
