"""Items with all that their way in needs: read for each, so by a statement of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_inbox.models import Account, Envelope, Item
from conversations import prepared
from conversations.columns import Columns, parted, relate
from conversations.models import Inbox, Team

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEM = Columns(Item)
ENVELOPE = Columns(Envelope)
INBOX = Columns(Inbox)
TEAM = Columns(Team)
ACCOUNT = Columns(Account)

WHOLE = f"""
SELECT {ITEM.of("i")}, {ENVELOPE.of("e")}, {INBOX.of("b")}, {TEAM.of("t")}, {ACCOUNT.of("a")}
FROM channels_inbox_item i
JOIN channels_inbox_envelope e ON e.id = i.envelope_id
JOIN conversations_inbox b ON b.id = e.inbox_id
JOIN conversations_team t ON t.id = b.team_id
LEFT JOIN channels_inbox_account a ON a.inbox_id = b.id
WHERE i.id = ANY(%s)
"""


def item(pk: int) -> Item:
    """With its envelope, its inbox, and the team and account of that. Raises Item.DoesNotExist."""
    found = items([pk]).get(pk)
    if found is None:
        raise Item.DoesNotExist
    return found


def items(pks: Sequence[int]) -> dict[int, Item]:
    """The same of many, by their ids."""
    with prepared.cursor() as cursor:
        cursor.execute(WHOLE, [list(pks)])
        rows = [_made(row) for row in cursor.fetchall()]
    return {row.pk: row for row in rows}


def _made(row: Sequence[Any]) -> Item:
    found: Item
    found, envelope, inbox, team, account = parted(row, ITEM, ENVELOPE, INBOX, TEAM, ACCOUNT)
    relate(found, envelope=envelope)
    relate(envelope, inbox=inbox)
    relate(inbox, team=team)
    if account:
        account.inbox = inbox  # which makes it the inbox's account
    return found
