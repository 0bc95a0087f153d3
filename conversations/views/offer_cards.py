"""Open offers as the page of a conversation shows them: who offers what to whom, and the packet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from conversations import beside, collecting
from conversations.models import DeadlineKind, Offer, PromiseChannel
from conversations.packets import Packet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.utils.functional import _StrPromise

    from conversations.models import Agent, Conversation

LABELS: dict[str, _StrPromise] = {
    "asks": pgettext_lazy("packet", "Asks"),
    "done": pgettext_lazy("packet", "Done"),
    "next": pgettext_lazy("packet", "Next"),
    "promised": pgettext_lazy("packet", "Promised"),
    "mood": pgettext_lazy("packet", "Mood"),
    "reason": pgettext_lazy("packet", "Why"),
}


@dataclass(frozen=True)
class PacketLine:
    label: str
    text: str
    entries: tuple[int, ...]


@dataclass(frozen=True)
class OfferCard:
    """`title` says who offers it to whom, to the viewer; who `may_answer` accepts or declines."""

    offer: Offer
    title: str
    lines: Sequence[PacketLine]
    may_answer: bool
    may_recall: bool

    @property
    def pk(self) -> int:
        return self.offer.pk

    @property
    def drafts(self) -> list[dict[str, Any]]:
        return list(self.offer.gathered["drafts"])

    @property
    def scheduled(self) -> list[dict[str, Any]]:
        """None were gathered with offers of long ago."""
        rows = self.offer.gathered.get("scheduled", ())
        return [{**row, "at": datetime.fromisoformat(row["at"])} for row in rows]

    @property
    def promises(self) -> list[dict[str, Any]]:
        """None were gathered with offers of long ago."""
        return [
            {
                **row,
                "due_at": datetime.fromisoformat(row["due_at"]),
                "channel": str(PromiseChannel(row["channel"]).label) if row["channel"] else "",
            }
            for row in self.offer.gathered.get("promises", ())
        ]

    @property
    def collected(self) -> list[tuple[str, str, int]]:
        """Values a bot found out: label, words, and the entry (row id) they are from."""
        return [
            (
                collecting.label(row["name"]),
                collecting.words(row["name"], row["sort"], row["value"]),
                row["entry"],
            )
            for row in self.offer.gathered.get("collected", [])
        ]

    @property
    def deadlines(self) -> list[dict[str, Any]]:
        """Of the customer's other matters; that of this one stands above the card."""
        return [
            {**row, "at": datetime.fromisoformat(row["at"]), "kind": _kind(row["kind"])}
            for row in self.offer.gathered["deadlines"]
            if row["ticket"] != self.offer.ticket_id
        ]

    @property
    def windows(self) -> list[dict[str, Any]]:
        """None were gathered with offers of long ago."""
        rows = self.offer.gathered.get("windows", ())
        found = [{**row, "closes_at": datetime.fromisoformat(row["closes_at"])} for row in rows]
        return [{**row, "is_over": row["closes_at"] <= timezone.now()} for row in found]

    @property
    def identities(self) -> list[dict[str, Any]]:
        return list(self.offer.gathered["identities"])


def cards_in(conversation: Conversation, viewer: Agent) -> Sequence[OfferCard]:
    return cards_of(beside.offers(conversation, viewer), viewer)


def cards_of(offers: Iterable[Offer], viewer: Agent) -> Sequence[OfferCard]:
    """In one query for all of them, with what was read with each."""
    rows = list(offers)
    if not rows:
        return []
    mine = Offer.objects.standing().to(viewer).filter(pk__in=[row.pk for row in rows])
    answerable = set(mine.values_list("pk", flat=True))
    return [_card(row, viewer, may_answer=row.pk in answerable) for row in rows]


def _card(offer: Offer, viewer: Agent, *, may_answer: bool) -> OfferCard:
    packet = Packet.of(offer.packet)
    lines = (PacketLine(str(LABELS[name]), *_parts(line)) for name, line in packet.lines.items())
    return OfferCard(
        offer=offer,
        title=_title(offer, viewer),
        lines=[line for line in lines if line.text],
        may_answer=may_answer,
        may_recall=offer.may_recall(viewer),
    )


def _parts(line: Any) -> tuple[str, tuple[int, ...]]:
    return line.text, line.entries


def _title(offer: Offer, viewer: Agent) -> str:
    sender = offer.offered_by or offer.from_bot or _("The desk")
    if offer.offered_by_id == viewer.pk:
        return _("You offer this to %(receiver)s") % {"receiver": offer.to_name}
    if offer.to_agent_id == viewer.pk:
        return _("%(sender)s offers this to you") % {"sender": sender}
    told = {"sender": sender, "receiver": offer.to_name}
    return _("%(sender)s offers this to %(receiver)s") % told


def _kind(kind: str) -> str:
    return str(DeadlineKind(kind).label)
