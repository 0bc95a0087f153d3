"""What came in and what went out, inbox by inbox, and what became of it; beside it what the
provider says it has. Everything is counted by indexes of just that and up to a limit, so that a
desk with millions of rows answers as quickly as an empty one."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from channels_inbox import compared, registry
from channels_inbox.models import Folder
from conversations.models import Delivery, DeliveryState, Inbox, Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from channels_inbox.compared import Day
    from channels_inbox.models import Account
    from conversations.models import Agent

# How many rows of a state are looked at, and above how many none is counted any more.
LOOKED_AT: Final = 10_000
SHOWN: Final = 1_000
LISTED: Final = 20

ITEMS: Final = """
SELECT inbox_id, state, count(*), min(received_at) FROM (
  (SELECT inbox_id, state, received_at FROM channels_inbox_item
    WHERE state = 'waiting' LIMIT %(most)s)
  UNION ALL
  (SELECT inbox_id, state, received_at FROM channels_inbox_item
    WHERE state = 'dead' ORDER BY id DESC LIMIT %(most)s)
  UNION ALL
  (SELECT inbox_id, state, received_at FROM channels_inbox_item
    WHERE state = 'ignored' ORDER BY id DESC LIMIT %(most)s)
) few GROUP BY 1, 2
"""
YOUNGEST: Final = """
SELECT inbox_id, state, count(*), NULL FROM (
  SELECT inbox_id, state, received_at FROM channels_inbox_item ORDER BY id DESC LIMIT %(most)s
) young WHERE received_at > now() - interval '1 day' GROUP BY 1, 2
"""
DELIVERIES: Final = """
SELECT inbox_id, state, count(*), min(queued_at) FROM (
  (SELECT inbox_id, state, queued_at FROM conversations_delivery
    WHERE state = 'queued' LIMIT %(most)s)
  UNION ALL
  (SELECT inbox_id, state, queued_at FROM conversations_delivery
    WHERE state = 'sending' AND lease_until IS NOT NULL LIMIT %(most)s)
  UNION ALL
  (SELECT inbox_id, state, queued_at FROM conversations_delivery
    WHERE state IN ('failed', 'ambiguous') ORDER BY id DESC LIMIT %(most)s)
) few GROUP BY 1, 2
"""
# Which states are looked at under one limit.
TOGETHER: Final[Mapping[str, Sequence[tuple[str, ...]]]] = {
    ITEMS: [("waiting",), ("dead",), ("ignored",)],
    YOUNGEST: [("waiting", "threaded", "duplicate", "ignored", "dead")],
    DELIVERIES: [("queued",), ("sending",), ("failed", "ambiguous")],
}
STORED: Final = """
SELECT f.id, (SELECT count(*) FROM (
  SELECT 1 FROM channels_inbox_mailplace p
  WHERE p.folder_id = f.id AND p.uidvalidity = f.uidvalidity AND p.uid >= f.first_uid
  LIMIT %(most)s) few)
FROM channels_inbox_folder f WHERE f.inbox_id = ANY(%(inboxes)s)
"""


@dataclass(frozen=True)
class Count:
    """How many rows are in a state, and since when the oldest of them. `is_part`: there may be
    more, as so many of other inboxes came before them that none was looked at any more."""

    n: int = 0
    oldest_at: datetime | None = None
    is_part: bool = False

    @property
    def is_many(self) -> bool:
        """More than anybody counts."""
        return self.n > SHOWN


@dataclass(frozen=True)
class Read:
    """A folder of a mailbox: how many mails its server had when all of it was compared, and how
    many of them are stored here."""

    folder: Folder
    stored: int

    @property
    def is_many(self) -> bool:
        return self.stored >= LOOKED_AT


@dataclass(frozen=True)
class Row:
    """One inbox: `items` and `lately` (what came within a day) by the states of items, `out` by
    those of deliveries."""

    inbox: Inbox
    account: Account | None
    items: Mapping[str, Count]
    lately: Mapping[str, Count]
    out: Mapping[str, Count]
    folders: Sequence[Read] = field(default_factory=list)

    @property
    def needs_somebody(self) -> bool:
        return bool(self.items["dead"].n or self.out["ambiguous"].n)

    @property
    def has_history(self) -> bool:
        """Whether its provider is asked for what no call brought."""
        kind = self.inbox.kind
        return kind in registry.kinds() and getattr(registry.adapter(kind), "has_history", False)

    @property
    def days(self) -> Sequence[Day]:
        """Of its provider's list, as far as they were compared."""
        return compared.days_of(self.account) if self.account else []

    @property
    def may_have_dead(self) -> bool:
        return bool(self.items["dead"].n or self.items["dead"].is_part)


def per_inbox(agent: Agent) -> list[Row]:
    """Of every inbox the agent may read, the open ones first."""
    inboxes = list(
        Inbox.objects.visible_to(agent)
        .select_related("account", "team")
        .order_by("-is_active", "name", "pk")
    )
    ids = [inbox.pk for inbox in inboxes]
    items, young, out = (_counts(one, ids) for one in (ITEMS, YOUNGEST, DELIVERIES))
    folders = _folders(ids)
    return [
        Row(
            inbox,
            getattr(inbox, "account", None),
            items[inbox.pk],
            young[inbox.pk],
            out[inbox.pk],
            folders[inbox.pk],
        )
        for inbox in inboxes
    ]


def in_doubt(agent: Agent, state: str = DeliveryState.AMBIGUOUS) -> list[Delivery]:
    """The newest of our messages that may have been sent (or that failed), to be looked at."""
    rows = Delivery.objects.filter(
        state=state,
        inbox__in=Inbox.objects.visible_to(agent),
        entry__ticket__in=Ticket.objects.visible_to(agent),
    )
    related = ("inbox", "identity", "entry__ticket", "conversation__customer")
    # Spelled as the index has it.
    troubles = rows.filter(state__in=(DeliveryState.FAILED, DeliveryState.AMBIGUOUS))
    return list(troubles.select_related(*related).order_by("-pk")[:LISTED])


def _counts(statement: str, inboxes: Sequence[int]) -> Mapping[int, Mapping[str, Count]]:
    """Those of other inboxes count only for where the looking stopped."""
    rows = _rows(statement, inboxes)
    total: Counter[str] = Counter()
    for _inbox, state, n, _oldest in rows:
        total[state] += n
    stopped = [
        states for states in TOGETHER[statement] if sum(total[one] for one in states) >= LOOKED_AT
    ]
    part = {state: Count(is_part=True) for states in stopped for state in states}
    found: dict[int, dict[str, Count]] = {pk: defaultdict(Count, part) for pk in inboxes}
    for inbox, state, n, oldest_at in rows:
        if inbox in found:
            found[inbox][state] = Count(n, oldest_at, state in part)
    return found


def _folders(inboxes: Sequence[int]) -> Mapping[int, list[Read]]:
    stored = dict(_rows(STORED, inboxes))
    found: dict[int, list[Read]] = defaultdict(list)
    for folder in Folder.objects.filter(inbox__in=inboxes).order_by("name"):
        found[folder.inbox_id].append(Read(folder, stored.get(folder.pk, 0)))
    return found


def _rows(statement: str, inboxes: Sequence[int]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"inboxes": list(inboxes), "most": LOOKED_AT})
        return list(cursor.fetchall())
