"""Messages written under an earlier one: which that is, and how it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conversations.models import Arrival, Delivery

if TYPE_CHECKING:
    from conversations.models import Entry, Inbox

MOST = 120


def named(inbox: Inbox, name: str) -> Entry | None:
    """A message by its channel's name: theirs by its arrival, ours by its delivery."""
    if not name:
        return None
    found = arrived(inbox, name)
    if found is None:
        sent = Delivery.objects.select_related("entry__ticket").filter(
            inbox=inbox, provider_id=name
        )
        delivery = sent.first()
        found = delivery.entry if delivery else None
    return found


def arrived(inbox: Inbox, name: str) -> Entry | None:
    """What came in by this name, or was told of as ours."""
    rows = Arrival.objects.select_related("entry__ticket").filter(
        scope=inbox.dedup_scope, external_id=name, is_first=True
    )
    arrival = rows.first()
    return arrival.entry if arrival else None


def of(inbox: Inbox, name: str) -> dict[str, Any]:
    """What an entry keeps of the message it was written under; nothing where that isn't here, or
    others may read it than this one."""
    found = named(inbox, name)
    if found is None or (found.ticket and found.ticket.restriction != inbox.restriction):
        return {}
    return shown(found)


def shown(entry: Entry) -> dict[str, Any]:
    """`{"quotes": {"entry": row id, "text": its beginning, "ours": whether we wrote it}}`."""
    words = " ".join(entry.text.split())
    begins = f"{words[:MOST]}…" if len(words) > MOST else words
    return {"quotes": {"entry": entry.pk, "text": begins, "ours": entry.is_outbound}}
