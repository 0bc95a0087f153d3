"""Promises as pages show them: what is still open beside a thread, and what a message promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from django.utils import timezone

from conversations import beside
from conversations.gist.promises import SuggestedPromise, suggest_promises
from conversations.gist.texts import READ_AT_MOST
from conversations.models import Membership, Offer, PromiseState
from conversations.models.promises import LONGEST_PROMISE
from conversations.templatetags.desk import Pill, pill_of_promise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from conversations.models import Agent, Conversation, Entry, Promise, Ticket
    from conversations.moments import Reader

# What was written before was kept as a promise by now, or isn't one.
SUGGESTED_FOR = timedelta(days=7)
REMEMBERED = 2000


@dataclass(frozen=True)
class PromiseCard:
    """An open promise; who `may_act` settles it. `elsewhere`: it is of another matter than the page
    shows."""

    promise: Promise
    pill: Pill
    may_act: bool
    elsewhere: bool

    @property
    def pk(self) -> int:
        return self.promise.pk


class Vow(NamedTuple):
    """What a message promises. `look` is "open", "kept", "late" or "broken"."""

    look: str
    text: str
    due: str
    at: str
    full: str


class Suggested(NamedTuple):
    """What a message seems to promise, for its author to keep or not. `due` is as forms send it."""

    text: str
    due: str
    words: str


def cards_in(
    conversation: Conversation, viewer: Agent, reader: Reader, *, shown: int | None
) -> Sequence[PromiseCard]:
    return cards_of(beside.promises(conversation, viewer), viewer, reader, shown=shown)


def cards_of(
    promises: Iterable[Promise], viewer: Agent, reader: Reader, *, shown: int | None
) -> Sequence[PromiseCard]:
    """On a page that shows the ticket with the id `shown`."""
    rows = list(promises)
    acts = _acted_on(viewer, {row.ticket for row in rows}) if rows else set()
    return [
        PromiseCard(
            row, pill_of_promise(row.due_at, reader), row.ticket_id in acts, row.ticket_id != shown
        )
        for row in rows
    ]


def vows_of(entry: Entry, reader: Reader) -> tuple[Vow, ...]:
    promises: Sequence[Promise] = getattr(entry, "said_promises", ())
    return tuple(
        Vow(
            "late" if row.late else row.state,
            row.text,
            reader.soon(row.due_at),
            row.due_at.isoformat(),
            reader.said(row.due_at).full,
        )
        for row in promises
        if row.state != PromiseState.WITHDRAWN
    )


def suggested_of(entry: Entry, viewer: Agent, reader: Reader) -> Suggested | None:
    """The nearest promise that the viewer seems to have made in an entry, unless they looked."""
    if entry.is_event or entry.is_inbound or entry.agent_id != viewer.pk or entry.withdrawn_at:
        return None
    if getattr(entry, "has_promises", False) or entry.data.get("no_promise"):
        return None
    if entry.at < reader.now - SUGGESTED_FOR:
        return None
    found = next((one for one in suggestions(entry) if one.due > reader.now), None)
    if found is None:
        return None
    return Suggested(shortened(found.sentence), found.due.isoformat(), reader.soon(found.due))


def suggestions(entry: Entry) -> Sequence[SuggestedPromise]:
    """What a text promises, to who reads it in their time zone."""
    return _suggestions(entry.text[:READ_AT_MOST], entry.at, timezone.get_current_timezone_name())


def shortened(sentence: str) -> str:
    words = " ".join(sentence.split())
    return words if len(words) <= LONGEST_PROMISE else f"{words[: LONGEST_PROMISE - 1]}…"


@lru_cache(maxsize=REMEMBERED)
def _suggestions(text: str, at: datetime, zone: str) -> Sequence[SuggestedPromise]:
    return suggest_promises(text, written_at=at, zone=ZoneInfo(zone))


def _acted_on(viewer: Agent, tickets: set[Ticket]) -> set[int]:
    teams = Membership.objects.acting_teams(viewer)
    own = {ticket.pk for ticket in tickets if ticket.is_acted_on(viewer, teams)}
    others = {ticket.pk for ticket in tickets} - own
    if others:
        offered = Offer.objects.standing().to(viewer).filter(ticket__in=others)
        own |= set(offered.values_list("ticket", flat=True))
    return own
