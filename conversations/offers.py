"""How an offer ends, under the lock of its conversation.

An open offer is bound to one epoch of the ticket's ownership, so whatever changes the owner, and
whatever ends the matter, ends it here in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q

from conversations.errors import OfferOver
from conversations.models import (
    Clock,
    Decline,
    Membership,
    Offer,
    OfferState,
    ShiftWorker,
    Ticket,
)
from conversations.thread import SYSTEM, Actor

if TYPE_CHECKING:
    from conversations.models.offers import OfferQuerySet
    from conversations.models.people import MembershipQuerySet
    from conversations.thread import Thread

# Each change of owner asks it, and mostly there is none.
OFFERED = "SELECT 1 FROM conversations_offer WHERE ticket_id = %s AND state = 'offered'"

IN_TIME = Q(expires_at__gt=Clock())
TOO_LATE = Q(expires_at__lte=Clock())


def close(
    thread: Thread, offer: Offer, state: str, *, when: Q | None = None, **fields: Any
) -> None:
    """Compare and set: only what is still open, at the epoch the ticket has now, and `when` this
    holds (`IN_TIME`, `TOO_LATE`: by the database's clock as it writes).

    Raises OfferOver when it isn't so.
    """
    now = Ticket.objects.filter(pk=offer.ticket_id).values("owner_epoch")
    rows = Offer.objects.open().filter(when or Q(), pk=offer.pk, from_epoch__in=now)
    _close(thread, offer, rows, state, fields)


def withdraw(thread: Thread, ticket: Ticket, *, cause: str, by: Actor = SYSTEM) -> Offer | None:
    """End the offer of this ticket, if there is one, because of something else that happened."""
    if not is_offered(ticket.pk):
        return None
    rows = Offer.objects.open().filter(ticket=ticket)
    offer = rows.select_related("to_team", "to_agent", "to_shift").first()
    if offer is None:
        return None
    rows = Offer.objects.open().filter(pk=offer.pk)
    _close(thread, offer, rows, OfferState.WITHDRAWN, {"cause": cause})
    touched(thread, ticket, offer)
    thread.event(ticket, "offer_withdrawn", by=by, **offer.told(), reason=cause)
    return offer


def is_offered(ticket: int) -> bool:
    """Whether an offer of a ticket (by id) is open."""
    with connection.cursor() as cursor:
        cursor.execute(OFFERED, [ticket])
        return cursor.fetchone() is not None


def who_may_take(
    ticket: Ticket, team: int, owner: int | None, shift: int | None = None
) -> MembershipQuerySet:
    """Members of a team, or of a shift of it, who neither have it nor have declined it."""
    declined = Decline.objects.standing().filter(offer__ticket=ticket).values("agent")
    members = Membership.objects.filter(team=team, active=True).exclude(agent__in=declined)
    if shift is not None:
        worked = ShiftWorker.objects.filter(shift=shift, shift__removed_at=None)
        members = members.filter(agent__in=worked.values("agent"))
    return members.exclude(agent=owner) if owner else members


def touched(thread: Thread, ticket: Ticket, offer: Offer) -> None:
    """Lists of those it is offered to show it otherwise now, too."""
    thread.touched(ticket, team=offer.to_team_id, agent=offer.to_agent_id, offered=True)


def _close(
    thread: Thread, offer: Offer, rows: OfferQuerySet, state: str, fields: dict[str, Any]
) -> None:
    told = {"state": state, "closed_at": thread.now, "rev": thread.head + 1, **fields}
    if not rows.update(**told):
        raise OfferOver
    thread.next_rev()
    for name, value in told.items():
        setattr(offer, name, value)
