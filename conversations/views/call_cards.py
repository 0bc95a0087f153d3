"""What the card of a call shows, as plain values in the reader's words and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from conversations.models import CallOutcome, CallState
from conversations.templatetags.desk import customer_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from conversations.models import Agent, Entry, Ringing


class CallCard(NamedTuple):
    """A call in the thread. `state` is a word for the look: live, missed or over; `words` says it,
    `length` how long they talked, `by` who of us had it, `number` the one that called where it is
    not the customer's own."""

    state: str
    icon: str
    words: str
    length: str
    by: str
    number: str
    recording: str
    wants_summary: bool


class RingingCard(NamedTuple):
    """A call that rings: `url` opens the customer's conversation."""

    entry: int
    name: str
    number: str
    inbox: str
    known: bool
    url: tuple[int, int]


def call_of(entry: Entry, viewer: Agent) -> CallCard | None:
    if not entry.is_call:
        return None
    call: dict[str, Any] = entry.data.get("call", {})
    state, outcome = call.get("state", ""), call.get("outcome", "")
    number = str(call.get("number", ""))
    own = entry.identity is not None and entry.identity.value == number
    missed = state == CallState.MISSED or outcome == CallOutcome.MISSED
    live = state in (CallState.RINGING, CallState.ANSWERED)
    return CallCard(
        state="live" if live else "missed" if missed else "over",
        icon=_icon(entry, missed=missed),
        words=_words(entry, state, outcome),
        length=_length(call),
        by=_by(entry, viewer),
        number="" if own else number,
        recording=str(call.get("recording", "")),
        wants_summary=not live and not entry.text and outcome == "",
    )


def ringing_cards(rows: Iterable[Ringing]) -> list[RingingCard]:
    return [_ringing(row.entry) for row in rows]


def _ringing(entry: Entry) -> RingingCard:
    assert entry.ticket is not None
    number = str(entry.data.get("call", {}).get("number", ""))
    customer = entry.ticket.conversation.customer
    return RingingCard(
        entry=entry.pk,
        name=customer_name(customer) if customer.name else number,
        number=number,
        inbox=str(entry.inbox or ""),
        known=bool(customer.name),
        url=(entry.conversation_id, entry.ticket.pk),
    )


def _icon(entry: Entry, *, missed: bool) -> str:
    if missed:
        return "phone-missed"
    return "phone-incoming" if entry.is_inbound else "phone-outgoing"


def _words(entry: Entry, state: str, outcome: str) -> str:
    if state == CallState.RINGING:
        return _("They are calling") if entry.is_inbound else _("We are calling them")
    if state == CallState.ANSWERED:
        return _("In a call now")
    if outcome == CallOutcome.VOICEMAIL:
        said = _("They left a message"), _("We left a message")
        return said[0] if entry.is_inbound else said[1]
    if state == CallState.MISSED or outcome == CallOutcome.MISSED:
        return _("Missed call") if entry.is_inbound else _("We called, nobody answered")
    if outcome == CallOutcome.BUSY:
        return _("They called, our line was busy") if entry.is_inbound else _("Their line was busy")
    return _("They called") if entry.is_inbound else _("We called them")


def _by(entry: Entry, viewer: Agent) -> str:
    if entry.agent is None:
        return ""
    return _("You") if entry.agent_id == viewer.pk else str(entry.agent)


def _length(call: dict[str, Any]) -> str:
    times = call.get("times", {})
    begun, over = _moment(times.get("answered")), _moment(times.get("ended"))
    if begun is None or over is None or over < begun:
        return ""
    minutes, seconds = divmod(int((over - begun).total_seconds()), 60)
    return f"{minutes}:{seconds:02}"


def _moment(text: object) -> datetime | None:
    return parse_datetime(text) if isinstance(text, str) else None
