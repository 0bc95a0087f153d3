"""Rings for visitors' windows that belong to nobody yet, and what agents see of visitors."""

from __future__ import annotations

from conversations.ringing import SENDER, Bell


def of_window(visitor: int) -> str:
    """The group of one window: it is told which identity it has become."""
    return f"window.{visitor}"


def identified(visitor: int, identity: int) -> None:
    """At once: a window's first message made it somebody."""
    group = of_window(visitor)
    message = {"type": "identified", "identity": identity, "group": group}
    SENDER.put(Bell((group, "identified"), group, message))
