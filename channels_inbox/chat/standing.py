"""Where the windows of a process stand: whose they are by now, and how far each stream goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F
from django.db.models.functions import Coalesce, Now

from channels_inbox.chat import visitors
from channels_inbox.chat.models import Visitor
from channels_inbox.chat.requests import chat_of
from conversations.models import Identity
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Standing:
    """One window: row ids of its visitor, stream and live conversation (0 before its first
    message), and how far the stream goes."""

    visitor: int
    stream: int = 0
    conversation: int = 0
    rev: int = 0


def of_token(key: str, token: str) -> Standing | None:
    """Where the window of a token stands; None for a token that doesn't hold. It is a sign of
    life."""
    found = chat_of(key)
    visitor = visitors.find(found[0], token) if found else None
    if visitor is None:
        return None
    visitors.here(visitor)
    return of([visitor.pk]).get(visitor.pk)


def of(rows: Sequence[int]) -> dict[int, Standing]:
    """Where these visitors (row ids) stand; those whose window has ended are missing."""
    oldest = database_now() - visitors.SIGNED_FOR
    live = Visitor.objects.going_on().filter(pk__in=rows, inbox__is_active=True)
    told = live.exclude(signed_at__lt=oldest).values_list(
        "pk",
        Coalesce("identity__stream", "identity"),
        "identity__conversation",
        Coalesce("identity__stream__public_rev", "identity__public_rev"),
    )
    return {row[0]: Standing(row[0], row[1] or 0, row[2] or 0, row[3] or 0) for row in told}


def renew(rows: Sequence[int]) -> None:
    """These visitors are here, all told at once."""
    if not rows:
        return
    Visitor.objects.filter(pk__in=rows).update(here_at=Now())
    here = Visitor.objects.filter(pk__in=rows).values("identity")
    Identity.objects.filter(pk__in=here).update(here_at=Now(), left_at=None)


def came_back(identity_stream: int, since: float) -> bool:
    """Whether a window of this stream gave a sign of life in the last `since` seconds."""
    rows = Identity.objects.filter(pk=identity_stream, left_at=None, here_at__isnull=False)
    moment = rows.annotate(now=Now()).values_list(F("now") - F("here_at"), flat=True).first()
    return moment is not None and moment.total_seconds() < since
