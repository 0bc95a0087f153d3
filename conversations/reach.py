"""Whether a customer is reached right now: visitors of our own pages come and go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from conversations.models import Identity, IdentityKind, Inbox, Proof
from conversations.models.identities import SHOWN_BY_US
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Signs of life come every 25 seconds at least.
HERE_FOR = timedelta(seconds=60)


@dataclass(frozen=True)
class Reach:
    """`here`: the window is open; `since` is when it was last (None: never). `mail` is the address
    an answer goes on to when it isn't seen, '' where none is known or no inbox sends it."""

    here: bool
    since: datetime | None = None
    mail: str = ""


def of(identities: Iterable[Identity]) -> dict[int, Reach]:
    """How those of these addresses are reached that we show messages to ourselves, by row id. A few
    queries, whatever their number."""
    visitors = [row for row in identities if row.kind in SHOWN_BY_US]
    if not visitors:
        return {}
    now = database_now()
    senders = _senders(visitors)
    mails = {row.conversation_id: _mail(row.conversation_id) for row in visitors}
    return {
        row.pk: Reach(
            is_here(row, now),
            row.left_at or row.here_at,
            mails[row.conversation_id] if row.scope in senders else "",
        )
        for row in visitors
    }


def is_here(identity: Identity, now: datetime) -> bool:
    """Whether its window is open at this moment."""
    if identity.here_at is None or identity.left_at is not None:
        return False
    return identity.here_at > now - HERE_FOR


def proved_emails(conversation: int) -> Sequence[Identity]:
    """Mail addresses of a customer that are more than a claim and take mail, the surest first."""
    rows = Identity.objects.filter(
        conversation=conversation,
        kind=IdentityKind.EMAIL,
        blocked_at=None,
        undeliverable_at=None,
    ).exclude(proof=Proof.CLAIMED)
    order = list(Proof.values)
    return sorted(rows, key=lambda row: (order.index(row.proof), row.pk))


def _mail(conversation: int) -> str:
    found = proved_emails(conversation)
    return found[0].value if found else ""


def _senders(visitors: Sequence[Identity]) -> set[str]:
    """Public ids of the inboxes from which unseen answers go on by mail."""
    rows = Inbox.objects.active().filter(
        public_id__in={row.scope for row in visitors}, goes_on_by__is_active=True
    )
    return set(rows.values_list("public_id", flat=True))
