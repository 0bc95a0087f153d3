"""Calls of a Facebook page: its Messenger conversations and its feed come to one address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_inbox.meta import envelope, feed, messaging

if TYPE_CHECKING:
    from channels_inbox.calls import Call
    from channels_inbox.events import Event


def parse(call: Call) -> list[Event]:
    """Raises Unreadable."""
    events: list[Event] = []
    for part in envelope.parts(call.body):
        if part.messaging is None:
            events.append(feed.read(part))
        else:
            events += messaging.read(part.messaging)
    return events
