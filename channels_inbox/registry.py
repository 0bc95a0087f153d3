"""Adapters by channel kind, imported on first use from `settings.CHANNELS`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

from conversations.media import Medium

if TYPE_CHECKING:
    from channels_inbox.base import Adapter


@cache
def adapter(kind: str) -> Adapter:
    """Raises KeyError for a kind that isn't configured."""
    made: Adapter = import_string(settings.CHANNELS[kind])()
    return made


def medium(kind: str) -> Medium:
    """What people call channels of a kind; of one that isn't configured, its own name."""
    return adapter(kind).medium if kind in settings.CHANNELS else Medium(kind, kind)


def kinds() -> list[str]:
    return list(settings.CHANNELS)


def kinds_of_queue(queue: str) -> list[str]:
    """Channels whose arrivals these workers thread."""
    return [kind for kind in kinds() if adapter(kind).queue == queue]


def kinds_sent_by(queue: str) -> list[str]:
    """Channels whose messages these workers hand over."""
    return [kind for kind in kinds() if adapter(kind).sends_by == queue]
