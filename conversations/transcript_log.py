"""Who read and took away which transcript. Rows are only ever added."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce, Now, TruncHour

from conversations.models import Ticket, TranscriptAccess, TranscriptAct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from conversations.models import Agent, Conversation, TranscriptExport

PAGE = 50


def note_read(
    *, by: Agent, ticket: Ticket | None = None, conversation: Conversation | None = None
) -> None:
    """One of both was shown. Shown again within the hour it is the same reading."""
    row = TranscriptAccess(
        agent=by,
        act=TranscriptAct.READ,
        ticket=ticket,
        conversation=conversation,
        hour=TruncHour(Now(), tzinfo=UTC),
    )
    TranscriptAccess.objects.bulk_create([row], ignore_conflicts=True)


def note_export(export: TranscriptExport, act: str, *, by: Agent) -> None:
    """A file was asked for, or downloaded."""
    TranscriptAccess.objects.create(
        agent=by,
        act=act,
        ticket_id=export.ticket_id,
        conversation_id=export.conversation_id,
        export=export,
    )


def log(
    viewer: Agent,
    *,
    person: int | None = None,
    ticket: int | None = None,
    before: int | None = None,
) -> Sequence[TranscriptAccess]:
    """A page and one row more, newest first: of everybody, of one person, or about one ticket. Left
    out is what the viewer may not read themselves, as it names customers and matters."""
    rows = _about_visible(viewer)
    if person:
        rows = rows.filter(agent=person)
    if ticket:
        rows = rows.filter(ticket=ticket)
    if before:
        rows = rows.filter(pk__lt=before)
    whole = rows.select_related(
        "agent",
        "ticket__conversation__customer",
        "ticket__inbox",
        "conversation__customer",
        "export",
    )
    return list(whole.order_by("-pk")[: PAGE + 1])


def _about_visible(viewer: Agent) -> QuerySet[TranscriptAccess]:
    visible = Ticket.objects.visible_to(viewer)
    # A join took the tickets along: what was read of a customer who was joined hangs on those of
    # the live conversation.
    live = Coalesce(OuterRef("conversation__merged_into"), OuterRef("conversation"))
    theirs = Ticket.objects.filter(conversation=live)
    return TranscriptAccess.objects.filter(
        Q(ticket=None) | Exists(visible.filter(pk=OuterRef("ticket"))),
        Q(conversation=None) | Exists(theirs.visible_to(viewer)) | ~Exists(theirs),
    )
