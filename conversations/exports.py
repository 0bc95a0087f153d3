"""Transcripts as files, made in the background.

The rows are the queue: an export is claimed under a lease that each piece of work renews, so one
whose worker was killed is made by another, from the start. What may be in it is asked when it is
made, and once more when it is fetched: rights may have changed in between.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import Http404
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from conversations import transcript_log, transcripts
from conversations.errors import BadInput
from conversations.models import (
    ExportFailure,
    ExportState,
    Ticket,
    TranscriptAct,
    TranscriptExport,
)
from conversations.permissions import conversation_for, require_supervisor, ticket_for
from conversations.sweeping import each
from conversations.thread import database_now
from conversations.transcripts import Asked, Chapter, TooManyCustomers
from conversations.wake import wake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any
    from uuid import UUID

    from conversations.models import Agent, Conversation, Entry

log = structlog.get_logger(__name__)

TASK = "conversations.make_exports"
LEASE = timedelta(seconds=15)
KEPT_FOR = timedelta(days=7)
TASK_SECONDS = 20.0
MOST_CLAIMS = 3
MOST_WAITING = 10
MOST_TICKETS = 500
MOST_ENTRIES = 20_000
"""Of a search. One customer's own conversation may have any number."""

CLAIM = """
WITH ready AS (
  SELECT id, storage_key FROM conversations_transcriptexport
  WHERE state IN ('queued', 'working')
    AND (lease_until IS NULL OR lease_until < clock_timestamp())
  ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE conversations_transcriptexport e
SET state = 'working', lease_until = clock_timestamp() + %(lease)s, lease_epoch = lease_epoch + 1,
    storage_key = %(key)s, done_entries = 0, all_entries = 0
FROM ready WHERE e.id = ready.id
RETURNING e.id, e.lease_epoch, e.storage_key, ready.storage_key
"""
GO_ON = """
UPDATE conversations_transcriptexport
SET lease_until = clock_timestamp() + %(lease)s, all_entries = %(all)s,
    done_entries = least(%(done)s, %(all)s)
WHERE id = %(export)s AND lease_epoch = %(epoch)s AND state = 'working'
"""
END = """
UPDATE conversations_transcriptexport
SET state = %(state)s, reason = %(reason)s, size = %(size)s, tickets = %(tickets)s,
    storage_key = %(key)s, lease_until = NULL, done_entries = all_entries,
    ended_at = clock_timestamp(),
    expires_at = CASE WHEN %(state)s = 'done' THEN clock_timestamp() + %(kept_for)s END
WHERE id = %(export)s AND lease_epoch = %(epoch)s AND state = 'working'
"""


class Writer(Protocol):
    """Makes the text of a file, piece by piece, in the words and times that are set."""

    def begin(self, export: TranscriptExport, at: datetime) -> str: ...
    def chapter(self, chapter: Chapter) -> str: ...
    def entries(self, entries: Sequence[Entry]) -> str: ...
    def end_chapter(self) -> str: ...
    def end(self) -> str: ...


if TYPE_CHECKING:
    from datetime import datetime

    Writers = Mapping[str, Callable[[], Writer]]


@dataclass(frozen=True)
class Lease:
    """An export that is ours to make until its lease ends; `key` is where its file goes."""

    export: int
    epoch: int
    key: str


class LostLease(Exception):
    """Another worker makes it now."""


class Refused(Exception):
    """It can't be made; `reason` is an ExportFailure."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def ask(
    *,
    by: Agent,
    format: str,
    with_notes: bool,
    client_token: UUID,
    ticket: Ticket | None = None,
    conversation: Conversation | None = None,
    query: str = "",
) -> TranscriptExport:
    """Have a transcript made: of a ticket, a conversation, or what a search finds. The same token
    again is the same wish. Raises BadInput while too many wait."""
    require_supervisor(by)
    with transaction.atomic():
        export, is_new = TranscriptExport.objects.get_or_create(
            agent=by,
            client_token=client_token,
            defaults={
                "ticket": ticket,
                "conversation": conversation,
                "query": query,
                "format": format,
                "with_notes": with_notes,
                "language": translation.get_language() or "en",
                "time_zone": timezone.get_current_timezone_name(),
            },
        )
        if is_new:
            _refuse_too_many(by)
            transcript_log.note_export(export, TranscriptAct.EXPORTED, by=by)
            wake(TASK)
    return export


def _refuse_too_many(agent: Agent) -> None:
    waiting = TranscriptExport.objects.of(agent).unfinished()[: MOST_WAITING + 1]
    if len(waiting) > MOST_WAITING:
        raise BadInput(_("Several files are being made for you already. Wait for one of them."))


def make_waiting(writers: Writers, seconds: float = TASK_SECONDS) -> int:
    """Make the exports that wait, one after another, and take up no more after `seconds`: the next
    beat goes on. Returns how many were taken up."""
    ends, made = time.monotonic() + seconds, 0
    while time.monotonic() < ends and (lease := claim()):
        make(lease, writers)
        made += 1
    return made


def claim() -> Lease | None:
    """The oldest export that waits, or whose worker is gone. What that one may have stored is
    deleted: this try has a place of its own."""
    key = uuid4().hex
    values: dict[str, Any] = {"lease": LEASE, "key": f"exports/{key[:2]}/{key}"}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        row = cursor.fetchone()
    if row is None:
        return None
    export, epoch, own, before = row
    if before:
        default_storage.delete(before)
    return Lease(export, epoch, own)


def make(lease: Lease, writers: Writers) -> None:
    """Make one. What goes wrong is written on it; where the database or the worker went away, its
    lease runs out and another tries, three in all."""
    try:
        if lease.epoch > MOST_CLAIMS:
            raise Refused(ExportFailure.ERROR)
        _make(lease, TranscriptExport.objects.select_related("agent").get(pk=lease.export), writers)
    except LostLease:
        log.info("export_lease_lost", export=lease.export)
    except (OperationalError, InterfaceError):
        log.warning("export_interrupted", export=lease.export)
    except (Refused, Http404) as error:
        _failed(lease, getattr(error, "reason", ExportFailure.GONE))
    except Exception as error:
        log.exception("export_failed", export=lease.export, error=type(error).__name__)
        _failed(lease, ExportFailure.ERROR)


def fetched(export: TranscriptExport, *, by: Agent) -> File[Any]:
    """The file, opened to be handed out. Raises Http404 where any of it may not be read any more,
    and where it has been deleted meanwhile."""
    if not (export.is_done and may_have(export, by)):
        raise Http404
    try:
        file = default_storage.open(export.storage_key)
    except FileNotFoundError:
        raise Http404 from None
    transcript_log.note_export(export, TranscriptAct.DOWNLOADED, by=by)
    return file


def may_have(export: TranscriptExport, agent: Agent) -> bool:
    """Whether everything in the file still is for this agent to read."""
    if export.agent_id != agent.pk or not agent.is_supervisor:
        return False
    visible = Ticket.objects.visible_to(agent).filter(pk__in=export.tickets)
    return visible.count() == len(export.tickets)


def expire() -> int:
    """Delete files whose time is over. Returns how many."""
    return each(TranscriptExport.objects.outlived()[:100], _expire)


def _expire(export: TranscriptExport) -> int:
    default_storage.delete(export.storage_key)
    return (
        TranscriptExport.objects.outlived()
        .filter(pk=export.pk)
        .update(state=ExportState.EXPIRED, storage_key="")
    )


def _make(lease: Lease, export: TranscriptExport, writers: Writers) -> None:
    if not (export.agent.is_active and export.agent.is_supervisor):
        raise Refused(ExportFailure.GONE)
    clocks = timezone.override(ZoneInfo(export.time_zone))
    with translation.override(export.language), clocks, tempfile.TemporaryFile("w+b") as file:
        chapters = list(_chapters(export))
        for text in _text(lease, export, chapters, writers[export.format]()):
            file.write(text.encode())
        _store(lease, file, [ticket.pk for chapter in chapters for ticket in chapter.tickets])


def _chapters(export: TranscriptExport) -> Iterator[Chapter]:
    if export.ticket_id:
        ticket = ticket_for(export.agent, export.ticket_id)
        yield from transcripts.chapters(export.agent, [ticket.pk])
    elif export.conversation_id:
        conversation = conversation_for(export.agent, export.conversation_id)
        yield transcripts.whole(export.agent, conversation)
    else:
        yield from transcripts.chapters(export.agent, _found(export))


def _found(export: TranscriptExport) -> Sequence[int]:
    try:
        found = transcripts.every(export.agent, Asked.of(export.query), MOST_TICKETS + 1)
    except TooManyCustomers:
        raise Refused(ExportFailure.TOO_MUCH) from None
    if len(found) > MOST_TICKETS:
        raise Refused(ExportFailure.TOO_MUCH)
    return found


def _text(
    lease: Lease, export: TranscriptExport, chapters: Sequence[Chapter], writer: Writer
) -> Iterator[str]:
    """The file's text; each piece of it renews the lease and tells how far it is."""
    at = database_now()
    parts = [
        transcripts.entries_of(
            chapter,
            export.agent,
            with_notes=export.with_notes,
            # The thread's own time may be ahead of the clock, as it never goes back.
            until=max(at, chapter.conversation.last_at),
        )
        for chapter in chapters
    ]
    whole, done = sum(part.count() for part in parts), 0
    if export.query and whole > MOST_ENTRIES:
        raise Refused(ExportFailure.TOO_MUCH)
    _go_on(lease, done, whole)
    yield writer.begin(export, at)
    for chapter, part in zip(chapters, parts, strict=True):
        yield writer.chapter(chapter)
        for piece in transcripts.pieces(part):
            yield writer.entries(piece)
            done += len(piece)
            _go_on(lease, done, whole)
        yield writer.end_chapter()
    yield writer.end()


def _go_on(lease: Lease, done: int, whole: int) -> None:
    values = {"lease": LEASE, "done": done, "all": whole}
    _write(GO_ON, {**values, "export": lease.export, "epoch": lease.epoch})


def _store(lease: Lease, file: IO[bytes], tickets: Sequence[int]) -> None:
    size = file.tell()
    file.seek(0)
    name = default_storage.save(lease.key, File(file))
    try:
        _end(lease, ExportState.DONE, key=name, size=size, tickets=tickets)
    except LostLease:
        default_storage.delete(name)
        raise


def _failed(lease: Lease, reason: str) -> None:
    default_storage.delete(lease.key)
    with suppress(LostLease):
        _end(lease, ExportState.FAILED, reason=reason)


def _end(
    lease: Lease,
    state: str,
    *,
    reason: str = "",
    key: str = "",
    size: int = 0,
    tickets: Iterable[int] = (),
) -> None:
    values = {"state": str(state), "reason": str(reason), "key": key, "size": size}
    told = {"tickets": list(tickets), "kept_for": KEPT_FOR}
    _write(END, {**values, **told, "export": lease.export, "epoch": lease.epoch})


def _write(statement: str, values: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if not cursor.rowcount:
            raise LostLease
