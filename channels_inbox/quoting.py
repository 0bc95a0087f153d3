"""Which message an answer of ours quotes, by the name its provider knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conversations.models import Arrival, Delivery

if TYPE_CHECKING:
    from conversations.models import Inbox


def name_of(delivery: Delivery) -> str:
    """ "" where it quotes none, or one that went another way."""
    cited = delivery.payload.get("cites")
    return of_entry(delivery.inbox, cited) if cited else ""


def of_entry(inbox: Inbox, entry: int) -> str:
    arrived = Arrival.objects.filter(inbox=inbox, entry=entry).values_list("external_id", flat=True)
    if name := arrived.first():
        return str(name)
    sent = Delivery.objects.filter(inbox=inbox, entry=entry).values_list("provider_id", flat=True)
    return str(sent.first() or "")
