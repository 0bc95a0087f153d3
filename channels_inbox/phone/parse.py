"""Calls of a telephone system about phone calls, in the JSON of our own that README describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from channels_inbox.events import Event, Kind, Media, other, whole
from channels_inbox.payloads import iso_moment, read_object, text

if TYPE_CHECKING:
    from channels_inbox.calls import Call

STATES: Final = ("ringing", "answered", "missed", "ended")


def parse(call: Call) -> list[Event]:
    """`payload` is the mail address of the agent. Raises Unreadable."""
    told = read_object(call.body)
    state = text(told, "type")
    if state not in STATES:
        return [other(state or "empty")]
    comes_in = text(told, "direction") != "out"
    ours, theirs = ("to", "from") if comes_in else ("from", "to")
    number, url = text(told, theirs), text(told, "recording_url")
    event = Event(
        Kind.CALL,
        sender=text(told, "from"),
        sender_name=text(told, "name"),
        conversation=number,
        account=text(told, ours),
        call_id=text(told, "call_id"),
        status=state,
        payload=text(told, "agent"),
        attachments=(Media("recording", url=url),) if url else (),
        occurred_at=iso_moment(told, "at"),
    )
    return [whole(event)]
