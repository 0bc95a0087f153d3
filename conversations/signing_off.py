"""Going off shift with work that nobody was offered: only with a supervisor who signs for it.

Who closes the laptop instead is not held up by anything here; what they leave is offered by the
desk (`shift_ends`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from conversations import doorbells, presence, shift_ends
from conversations.errors import BadInput, NotAllowed, StillYours
from conversations.models import (
    Agent,
    Leaving,
    Membership,
    PresenceState,
    Role,
    SignOff,
    Ticket,
)
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

log = structlog.get_logger(__name__)

LONGEST_REASON: Final = 200


def choose(agent: Agent, state: str) -> None:
    """What an agent is to their colleagues, as `presence.choose`; who goes offline at the end of
    their shift signs off.

    Raises StillYours with what they have and nobody was offered, BadInput for what is no state.
    """
    if state == PresenceState.OFFLINE:
        require_free(agent)
    presence.choose(agent, state)


def require_free(agent: Agent) -> None:
    """Raises StillYours for who goes off shift with what nobody was offered, unsigned."""
    left = held(agent)
    if left:
        raise StillYours(left)


def held(agent: Agent) -> Sequence[Ticket]:
    """What keeps an agent here: what they have of the teams whose shift ends, nobody was offered,
    and no supervisor signed for."""
    return [ticket for leaving in _unsigned(agent) for ticket in _left(leaving)]


def ask(agent: Agent) -> list[SignOff]:
    """Ask supervisors to sign for what is left. Asking again changes nothing."""
    made = []
    for leaving in _unsigned(agent):
        if left := _left(leaving):
            made.append(_asked(leaving, left))
    return made


def sign(asked: SignOff, *, by: Agent, reason: str) -> SignOff:
    """A supervisor lets an agent go with what they still have by now, and says why. Signing again
    changes nothing.

    Raises NotAllowed for who is no supervisor, BadInput without a reason.
    """
    why = " ".join(reason.split())
    if not by.is_supervisor:
        raise NotAllowed(_("Only a supervisor or an admin can do this."))
    if not why or len(why) > LONGEST_REASON or "\x00" in why:
        raise BadInput(_("Say in one line of at most 200 letters why they may go."))
    with transaction.atomic():
        rows = SignOff.objects.select_for_update(of=("self",)).select_related("leaving__agent")
        fresh = rows.get(pk=asked.pk)
        if fresh.signed_at is None:
            fresh.tickets = [_named(one) for one in _left(fresh.leaving)]
            fresh.signed_by, fresh.reason, fresh.signed_at = by, why, database_now()
            fresh.save(update_fields=["tickets", "signed_by", "reason", "signed_at"])
            _ring([fresh.agent_id])
            log_of = {"sign_off": fresh.pk, "agent": fresh.agent_id, "by": by.pk}
            log.info("signed_off", tickets=len(fresh.tickets), **log_of)
    return fresh


def _unsigned(agent: Agent) -> QuerySet[Leaving]:
    signed = SignOff.objects.filter(leaving=OuterRef("pk"), signed_at__isnull=False)
    rows = Leaving.objects.open().filter(~Exists(signed), agent=agent)
    return rows.select_related("agent").order_by("ends_at", "pk")


def _asked(leaving: Leaving, left: Sequence[Ticket]) -> SignOff:
    told = {"agent": leaving.agent, "asked_at": database_now()}
    told["tickets"] = [_named(one) for one in left]
    try:
        with transaction.atomic():
            made, new = SignOff.objects.get_or_create(leaving=leaving, defaults=told)
            if new:
                _ring(_supervisors(leaving.team_id))
    except IntegrityError:  # planned anew at this moment
        raise BadInput(_("Your shift has changed in the meantime. Look again.")) from None
    return made


def _left(leaving: Leaving) -> Sequence[Ticket]:
    rows = shift_ends.left_with(leaving.agent, leaving.team_id)
    return list(rows.select_related("conversation__customer").order_by("deadline_at", "pk"))


def _named(ticket: Ticket) -> dict[str, Any]:
    name = ticket.conversation.customer.name
    return {"ticket": ticket.pk, "name": " · ".join(filter(None, (name, ticket.subject)))}


def _supervisors(team: int) -> list[int]:
    """Those of the team, or all where it has none."""
    leads = Agent.objects.filter(is_active=True).exclude(role=Role.AGENT)
    own = Membership.objects.filter(team=team, active=True).values("agent")
    return list(leads.filter(pk__in=own).values_list("pk", flat=True)) or list(
        leads.values_list("pk", flat=True)
    )


def _ring(agents: Iterable[int]) -> None:
    for pk in agents:
        doorbells.ring_shift(pk)
