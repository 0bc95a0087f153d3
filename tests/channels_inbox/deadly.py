"""Readers of which the process apart dies; whoever else reads by them lives."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from channels_inbox.events import Event, Kind
from channels_inbox.payloads import read_object

if TYPE_CHECKING:
    from channels_inbox.calls import Call

IS_APART = "channels_inbox.apart" in sys.orig_argv


def parse(call: Call) -> list[Event]:
    told = read_object(call.body)
    if IS_APART and told["text"] == "deadly":
        os.kill(os.getpid(), signal.SIGSEGV)
    who = told["from"]
    return [
        Event(Kind.MESSAGE, sender=who, conversation=who, message_id=told["id"], text=told["text"])
    ]


def never_ends(call: Call) -> list[Event]:
    while IS_APART and call.body == b"deadly":
        pass
    return []


def refuses(call: Call) -> list[Event]:
    raise ValueError(call.body)
