"""What is known of a message's sender, and the ticket that what they write belongs to.

Asked for each message that comes in, so by statements written by hand, in one round trip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection

from conversations import prepared
from conversations.columns import Columns, parted, relate
from conversations.customers import IDENTITY
from conversations.models import Inbox, Team, Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.customers import Address
    from conversations.models import Identity
    from conversations.thread import Thread

TICKET, TEAM, INBOX = Columns(Ticket), Columns(Team), Columns(Inbox)
AT = """
sender AS MATERIALIZED (
  SELECT * FROM conversations_identity
  WHERE kind = %(kind)s AND scope = %(scope)s AND value = %(value)s
)
"""
BY_ID = """
sender AS MATERIALIZED (SELECT * FROM conversations_identity WHERE id = %(identity)s)
"""
# The ticket last active on the identity, or on one shown with it, and those that are unresolved;
# these are read only where it isn't the one last active.
FOUND = """
last AS MATERIALIZED (
  SELECT t.id, t.status <> 'resolved' AND (t.restriction = '' OR t.inbox_id = %(inbox)s) AS joins
  FROM conversations_entry e JOIN conversations_ticket t ON t.id = e.ticket_id
  WHERE e.conversation_id = %(conversation)s AND t.restriction = %(restriction)s
    AND e.identity_id = ANY(ARRAY(
      SELECT id FROM conversations_identity
      WHERE id = (SELECT coalesce(stream_id, id) FROM sender)
        OR stream_id = (SELECT coalesce(stream_id, id) FROM sender)))
  ORDER BY e.at DESC, e.id DESC LIMIT 1
), found AS (
  SELECT id, true AS is_last FROM last
  UNION ALL
  SELECT id, false FROM conversations_ticket
  WHERE conversation_id = %(conversation)s AND status <> 'resolved'
    AND NOT EXISTS (SELECT FROM last WHERE joins) AND id NOT IN (SELECT id FROM last)
)
"""
KNOWN = """
(SELECT a.entry_id FROM conversations_arrival a
 WHERE a.scope = %(inbox_scope)s AND a.external_id = %(external_id)s AND a.is_first)
"""
JOINED = """
found
JOIN conversations_ticket t ON t.id = found.id
JOIN conversations_team m ON m.id = t.team_id
LEFT JOIN conversations_inbox b ON b.id = t.inbox_id
"""
WHOLE = f"found.is_last, {TICKET.of('t')}, {TEAM.of('m')}, {INBOX.of('b')}"
OF_SENDER = f"WITH {BY_ID}, {FOUND} SELECT {WHOLE} FROM {JOINED}"
SENDER = f"WITH {AT} SELECT {KNOWN}, {IDENTITY.of('sender')} FROM sender"
SENDER_AND_TICKETS = f"""
WITH {AT}, {FOUND}
SELECT {KNOWN}, {IDENTITY.of("sender")}, {WHOLE} FROM sender LEFT JOIN ({JOINED}) ON true
"""


@dataclass(frozen=True)
class Sender:
    """Whose message it is, as they are under the lock, and the entry it is already. `tickets` are
    those it may belong to, each with whether it is the last one active; None where nobody asked."""

    identity: Identity
    known: int | None
    tickets: Sequence[tuple[Ticket, bool]] | None = None


def sender_of(
    thread: Thread, inbox: Inbox, address: Address, external_id: str, *, with_tickets: bool
) -> Sender:
    """Under the lock of their conversation, of which the address is one."""
    address = address.normal()
    told: dict[str, Any] = {
        "kind": address.kind,
        "scope": address.scope,
        "value": address.value,
        "inbox_scope": inbox.dedup_scope,
        "external_id": external_id,
        **_place(thread, inbox),
    }
    # All there is of a new conversation is its address.
    asks = with_tickets and thread.head > 1
    with prepared.cursor() as cursor:
        cursor.execute(SENDER_AND_TICKETS if asks else SENDER, told)
        rows = cursor.fetchall()
    ends = 1 + len(IDENTITY)
    identity = IDENTITY.made(rows[0][1:ends])
    tickets = [_with_team(*row[ends:]) for row in rows if row[ends:] and row[ends] is not None]
    return Sender(identity, rows[0][0], tickets if with_tickets else None)


def tickets_of(thread: Thread, inbox: Inbox, identity: Identity) -> list[tuple[Ticket, bool]]:
    """Those that what an identity writes at this inbox may belong to, each with whether it is the
    last one active on it."""
    if thread.head <= 1:
        return []
    with connection.cursor() as cursor:
        cursor.execute(OF_SENDER, {"identity": identity.pk, **_place(thread, inbox)})
        return [_with_team(*row) for row in cursor.fetchall()]


def _place(thread: Thread, inbox: Inbox) -> dict[str, Any]:
    return {
        "conversation": thread.conversation.pk,
        "inbox": inbox.pk,
        "restriction": inbox.restriction,
    }


def _with_team(is_last: bool, *row: Any) -> tuple[Ticket, bool]:
    ticket, team, inbox = parted(row, TICKET, TEAM, INBOX)
    relate(ticket, team=team, inbox=inbox)
    return ticket, is_last
