"""Calls as a telephone system tells them while they go on: one entry that rings, is answered, and
ends. Its events may come in any order, twice, or not at all; what is known of a call depends on
which of them came, not on their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from conversations import calls, customers, intake, ownership, tickets
from conversations.intake import DUPLICATE, THREADED, Outcome
from conversations.models import (
    Agent,
    Arrival,
    CallState,
    Direction,
    Entry,
    Identity,
    Kind,
    Membership,
    Proof,
    Ringing,
    Status,
    Ticket,
)
from conversations.thread import SYSTEM, Actor, locked

if TYPE_CHECKING:
    from datetime import datetime

    from conversations.customers import Address
    from conversations.models import Inbox
    from conversations.thread import Thread

STATES: Final = ("ringing", "answered", "missed", "ended")


@dataclass(frozen=True)
class Called:
    """One event of a call. `name` is the call's, as the telephone system names it; `state` is
    ringing, answered, missed or ended; `agent` is the mail address of who it rings at or who took
    it, "" where that isn't told; `other` is the customer's address."""

    name: str
    state: str
    direction: str
    other: Address
    agent: str = ""
    recording: str = ""
    occurred_at: datetime | None = None


def called(inbox: Inbox, change: Called) -> Outcome:
    """Keep one event of a call, in the caller's transaction."""
    identity = customers.identity_of(change.other)
    with locked(_origin(inbox, change, identity)) as thread:
        entry = _known(inbox, change)
        if entry is not None:
            news = _go_on(thread, entry, change)
            return Outcome(THREADED if news else DUPLICATE, entry)
        identity.refresh_from_db()
        if identity.blocked_at:
            return Outcome(intake.IGNORED, reason="blocked_sender")
        return Outcome(THREADED, _begin(thread, inbox, identity, change))


def state_of(times: dict[str, str]) -> str:
    """Where a call stands, by the events that came. Somebody may have missed at one telephone what
    was answered at another."""
    answered = "answered" in times
    if "missed" in times and not answered:
        return CallState.MISSED
    if "ended" in times:
        return CallState.ENDED
    return CallState.ANSWERED if answered else CallState.RINGING


def _origin(inbox: Inbox, change: Called, identity: Identity) -> int:
    """The conversation to lock: that of the call, if it is here. An event may name no number, or
    another one than the first did."""
    entry = _known(inbox, change)
    return entry.origin_id if entry else identity.origin_id


def _known(inbox: Inbox, change: Called) -> Entry | None:
    found = Arrival.objects.filter(
        scope=inbox.dedup_scope, external_id=_name(change), is_first=True
    ).first()
    if found is None:
        return None
    return Entry.objects.select_related("ticket__team", "ticket__inbox").get(pk=found.entry_id)


def _name(change: Called) -> str:
    return f"call:{change.name}"[:400]


def _begin(thread: Thread, inbox: Inbox, identity: Identity, change: Called) -> Entry:
    comes_in = change.direction == Direction.IN
    ticket = intake.newest_of_sender(thread, inbox, identity) or tickets.open_ticket(
        thread,
        origin_id=identity.origin_id,
        team=inbox.team,
        by=SYSTEM,
        inbox=inbox,
        restriction=inbox.restriction,
    )
    entry = thread.append(
        identity.origin_id,
        ticket=ticket,
        actor=identity.actor if comes_in else SYSTEM.actor,
        kind=Kind.CALL,
        direction=change.direction,
        identity=identity,
        inbox=inbox,
        proof=Proof.CLAIMED if comes_in else "",
        data={"call": _told({}, change, thread, identity.value)},
        occurred_at=change.occurred_at,
    )
    Arrival.objects.create(
        inbox=inbox,
        external_id=_name(change),
        scope=inbox.dedup_scope,
        is_first=True,
        entry=entry,
    )
    if comes_in:
        customers.heard_from(thread, identity, proof=Proof.CLAIMED, label="")
        tickets.customer_wrote(thread, ticket, entry)
    else:
        tickets.heard(thread, ticket, entry)
    _answered_by(thread, entry, change)
    _ring(thread, entry, change)
    return entry


def _go_on(thread: Thread, entry: Entry, change: Called) -> bool:
    """False where it was known already."""
    before: dict[str, Any] = entry.data.get("call", {})
    told = _told(before, change, thread, before.get("number", ""))
    if told == before:
        return False
    entry.data["call"] = told
    thread.stamp(entry, "data")
    missed_now = told["state"] == CallState.MISSED and before.get("state") != CallState.MISSED
    ticket = entry.ticket
    if ticket is not None:
        if missed_now and entry.is_inbound and ticket.status != Status.OPEN:
            tickets.customer_wrote(thread, ticket, entry)
        thread.touched(ticket)
    _answered_by(thread, entry, change)
    _ring(thread, entry, change)
    return True


def _told(before: dict[str, Any], change: Called, thread: Thread, number: str) -> dict[str, Any]:
    """What the entry keeps of the call. The first time told of a state stands."""
    times: dict[str, str] = dict(before.get("times", {}))
    times.setdefault(change.state, (change.occurred_at or thread.now).isoformat())
    recording = change.recording if calls.is_web_address(change.recording) else ""
    told = {
        **before,
        "number": number,
        "times": times,
        "state": str(state_of(times)),
        "recording": before.get("recording") or recording,
    }
    if change.state == "ringing" and change.agent:
        told.setdefault("rings_at", change.agent[:254].lower())
    return told


def _answered_by(thread: Thread, entry: Entry, change: Called) -> None:
    """Who took the call has the matter, where nobody else has it and it is their team's. Lists are
    told of it as it is then."""
    if change.state != "answered" or not change.agent or entry.agent_id:
        return
    agent = _agent(change.agent)
    if agent is None:
        return
    entry.agent = agent
    thread.stamp(entry, "agent")
    assert entry.ticket is not None
    ticket = Ticket.objects.select_related("team").get(pk=entry.ticket.pk)
    entry.ticket = ticket
    free = ticket.agent_id is None and not ticket.is_resolved
    if free and Membership.objects.acting(agent).filter(team=ticket.team_id).exists():
        ownership.apply(thread, ticket, "taken", by=Actor.of(agent), team=ticket.team, agent=agent)


def _agent(address: str) -> Agent | None:
    return Agent.objects.filter(email__iexact=address.strip(), is_active=True).first()


def _ring(thread: Thread, entry: Entry, change: Called) -> None:
    """Shown to who would answer it while it rings."""
    state = entry.data["call"]["state"]
    rows = Ringing.objects.filter(entry=entry)
    if state == CallState.RINGING and entry.is_inbound:
        agent = _agent(entry.data["call"].get("rings_at", ""))
        if not rows.exists():
            Ringing.objects.create(entry=entry, agent=agent, since=thread.now)
            _tell(thread, entry)
    elif rows.delete()[0]:
        _tell(thread, entry)


def _tell(thread: Thread, entry: Entry) -> None:
    if entry.ticket is not None:
        thread.touched(entry.ticket, called=True)
