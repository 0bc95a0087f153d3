"""Until when a customer may be written freely, where the channel sets a time for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.functions import Greatest

from conversations.models import Window
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from conversations.models import Identity, Inbox


def opened(inbox: Inbox, identity: Identity, *, at: datetime) -> None:
    """They wrote at this time, by the provider's clock; it never moves the end back."""
    length = inbox.medium.window
    if length is None:
        return
    closes_at = at + length
    _row, is_new = Window.objects.get_or_create(
        inbox=inbox, identity=identity, defaults={"closes_at": closes_at}
    )
    if not is_new:
        Window.objects.filter(inbox=inbox, identity=identity).update(
            closes_at=Greatest("closes_at", closes_at)
        )


def shut(inbox: Inbox, identity: Identity, *, tried_at: datetime | None) -> None:
    """The provider says that the time was over when we tried to write, whatever we counted. What
    they wrote since then has opened it anew."""
    now = database_now()
    rows = Window.objects.filter(inbox=inbox, identity=identity, closes_at__gt=now)
    if tried_at and inbox.medium.window:
        rows = rows.filter(closes_at__lte=tried_at + inbox.medium.window)
    rows.update(closes_at=now)


def is_open(inbox: Inbox, identity: Identity, *, at: datetime | None = None) -> bool:
    """Whether free text may go there now, or at a time; always, where the channel sets none."""
    if inbox.medium.window is None:
        return True
    rows = Window.objects.filter(inbox=inbox, identity=identity)
    return rows.filter(closes_at__gt=at or database_now()).exists()


def ends(identities: Iterable[int]) -> dict[tuple[int, int], datetime]:
    """When the windows of these addresses close or closed, by (identity, inbox). One query."""
    rows = Window.objects.filter(identity__in=list(identities))
    return {(row.identity_id, row.inbox_id): row.closes_at for row in rows}
