"""The only way in: keep the payload, then thread its items, each in order of its sender.

`keep()` commits an envelope with its items; only then is a hook answered or a mailbox told. Items
are claimed (`lanes`) and processed one transaction each, so a crash between two lines leaves an
item waiting, never half done.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext_noop

from channels_inbox import lanes, whole
from channels_inbox.base import Bounce, Ignored
from channels_inbox.gates import into
from channels_inbox.lanes import LEASE, MAX_CLAIMS, STEPS_OUT_AFTER, Lease, LostLease, lane
from channels_inbox.models import Envelope, Item, ItemState
from channels_inbox.registry import adapter
from conversations import intake, mirrored, prepared
from conversations.mirrored import CHANGES
from conversations.models import Arrival, Inbox
from conversations.thread import database_now, from_the_start
from conversations.wake import wake

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from django.db.models import QuerySet

    from channels_inbox.base import Raw
    from conversations.intake import Inbound, Outcome
    from conversations.mirrored import Change
    from conversations.models import Agent, Attachment

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
AWAY = (OperationalError, InterfaceError)
MOST_AT_ONCE = 1000
TASK_SECONDS = 20.0
# Reading a mail may take seconds, so that ten of them would outlast their lease.
AT_ONCE = {"fast": 10, "slow": 1}
STORE_FILES = "channels_inbox.store_files"
PROCESS_TASKS = {"fast": "channels_inbox.process", "slow": "channels_inbox.process_slow"}

REASONS = {
    "blocked_sender": gettext_noop("The sender is blocked"),
    "spam": gettext_noop("The mail server marked it as spam"),
    "auto_reply": gettext_noop("An automatic reply to nothing we know"),
    "list_mail": gettext_noop("Mail from a list"),
    "own_mail": gettext_noop("A mail of our own"),
    "no_sender": gettext_noop("It names no sender"),
    "bounce_of_unknown_mail": gettext_noop("A bounce of a mail we did not send"),
    "feedback_report": gettext_noop("An abuse report"),
    "discarded": gettext_noop("Discarded by hand"),
    "no_message": gettext_noop("No message: the provider tells of something else"),
    "unknown_message": gettext_noop("About a message that is not here"),
    "early_receipt": gettext_noop("About a message that is not here yet; kept for a day"),
    "other_account": gettext_noop("For another account than this inbox is connected to"),
    "group": gettext_noop("Written in a group, not to us alone"),
    "greeting": gettext_noop("A greeting by which a chat with a bot begins"),
    "button": gettext_noop("A button was pressed that is not ours"),
    "withheld": gettext_noop("A call without a number: it was withheld"),
    "echo": gettext_noop("A message of ours that is here already"),
}

# One statement, so that it is a transaction by itself and the database is asked once. The account's
# last arrival is written once a second at most: all mail of an inbox would wait for this one row
# else.
KEEP = """
WITH kept AS (
  INSERT INTO channels_inbox_envelope
    (inbox_id, source, dedup_key, raw, raw_key, size, meta, received_at)
  VALUES (%(inbox)s, %(source)s, %(dedup_key)s, %(raw)s, %(raw_key)s, %(size)s, %(meta)s::jsonb,
    clock_timestamp())
  ON CONFLICT (inbox_id, dedup_key) DO NOTHING
  RETURNING id, inbox_id, received_at
), items AS (
  INSERT INTO channels_inbox_item (envelope_id, position, inbox_id, lane, state, received_at,
    attempts, next_at, lease_epoch, reason)
  SELECT kept.id, head.position, kept.inbox_id, head.lane, 'waiting', kept.received_at,
    0, kept.received_at, 0, ''
  FROM kept, unnest(%(positions)s::int[], %(lanes)s::text[]) AS head(position, lane)
), told AS (
  UPDATE channels_inbox_account a SET last_in_at = kept.received_at,
    pushed_at = CASE WHEN %(source)s = 'hook' THEN kept.received_at ELSE a.pushed_at END
  FROM kept
  WHERE a.inbox_id = kept.inbox_id
    AND (a.last_in_at IS NULL OR a.last_in_at < kept.received_at - interval '1 second')
)
SELECT id, received_at FROM kept
"""


class Deadly(Exception):
    """An item that workers don't survive."""


@dataclass(frozen=True)
class Kept:
    """A committed envelope, and whether it is new or was here already."""

    envelope: Envelope
    is_new: bool


def keep(inbox: Inbox, raw: Raw, *, also: Callable[[Envelope], None] | None = None) -> Kept:
    """Commit a payload and its items; the same payload again finds the first one.

    The outermost transaction, as callers answer on its strength; a large body is in storage,
    synced, before its row is committed. `also` writes what belongs to the arrival in the same
    transaction.
    """
    stored = _stored_body(raw.body)
    with _transaction(several=also is not None):
        kept = _insert_once(inbox, raw, stored)
        if kept.is_new:
            queue = adapter(inbox.kind).queue
            wake(PROCESS_TASKS[queue], queue=queue)
        if also:
            also(kept.envelope)
    if stored and not kept.is_new:
        default_storage.delete(stored)
    return kept


def digest_key(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def process_waiting(queue: str, seconds: float = TASK_SECONDS) -> int:
    """Process items of a queue, each by itself, until none is ready. Returns how many.

    After `seconds` it asks for another turn, so that no task holds its worker for long. What is
    held comes last, as nobody waits for it.
    """
    ends, done = time.monotonic() + seconds, 0
    while leases := lanes.claim(queue, AT_ONCE[queue]) or lanes.held_ones(queue):
        _process_all(leases)
        done += len(leases)
        if time.monotonic() > ends:
            _process_all(lanes.held_ones(queue))
            wake(PROCESS_TASKS[queue], queue=queue)
            break
    return done


def _process_all(leases: list[Lease]) -> None:
    """Claimed and read together, threaded one by one. One that takes long leaves the others to
    whoever claims them next."""
    ends = time.monotonic() + LEASE.total_seconds()
    items = _read(leases)
    for lease in leases:
        if time.monotonic() > ends:
            break
        process(lease, items.get(lease.item))


def _read(leases: list[Lease]) -> dict[int, Item]:
    """All at once; where that can't be done, each is read by itself and fails by itself."""
    try:
        return whole.items([lease.item for lease in leases])
    except (Error, ValueError):
        return {}


def process(lease: Lease, item: Item | None = None, *, by_hand: bool = False) -> None:
    """Thread one item, which may have been read (`whole`). Whatever goes wrong is written on the
    item, which is tried again or ends dead."""
    try:
        item = item or whole.item(lease.item)
        _refuse_deadly(lease, item)
        parsed = _parse(item, by_hand=by_hand)
        from_the_start(partial(_finish, lease, item, parsed, by_hand=by_hand))
    except LostLease:
        log.info("item_lease_lost", item=lease.item)
    except Exception as error:  # noqa: BLE001 - a payload of any shape must not stop its neighbours
        log.warning("item_failed", item=lease.item, error=type(error).__name__)
        if isinstance(error, AWAY) and not connection.in_atomic_block:
            connection.close()  # so that a sound one is taken
        _failed(lease, error)


def _refuse_deadly(lease: Lease, item: Item) -> None:
    """Whoever claimed it before may have died of it: it is read in a process apart first. If they
    die of something else every time, nobody is to try any more."""
    if item.attempts >= MAX_ATTEMPTS:
        raise Deadly("its worker stopped each time")
    if lease.epoch > 1:
        adapter(item.envelope.inbox.kind).read_apart(body_of(item.envelope))


def _finish(
    lease: Lease, item: Item, parsed: Inbound | Bounce | Ignored | Change, *, by_hand: bool
) -> None:
    outcome = _outcome(item, parsed, by_hand=by_hand)
    _add_unseen(item)
    lanes.end(lease, outcome.state, reason=outcome.reason, entry=outcome.entry)


def replay(item: Item, *, by: Agent) -> None:
    """Try an item that was set aside again. One that was ignored is wanted now, by an agent's
    word."""
    with transaction.atomic():
        fresh = Item.objects.select_for_update(of=("self",)).get(pk=item.pk)
        if fresh.state not in (ItemState.DEAD, ItemState.IGNORED):
            return
        was_ignored = fresh.state == ItemState.IGNORED
        fresh.state, fresh.attempts, fresh.reason = ItemState.WAITING, STEPS_OUT_AFTER, ""
        fresh.next_at, fresh.ended_at, fresh.lease_until = database_now() + LEASE, None, None
        fresh.lease_epoch += 1
        fresh.lease_until = fresh.next_at
        fresh.save()
    log.info("item_replayed", item=item.pk, agent=by.pk)
    process(Lease(fresh.pk, fresh.lease_epoch), by_hand=was_ignored)


def replay_all(items: QuerySet[Item], *, by: Agent) -> int:
    """Let the dead ones of these wait for a worker again, the oldest first, MOST_AT_ONCE of them.
    Returns how many; doing it twice does it once. One that fails again is dead at once."""
    dead = items.filter(state=ItemState.DEAD).order_by("pk").values("pk")[:MOST_AT_ONCE]
    with transaction.atomic():
        now = database_now()
        count = Item.objects.filter(pk__in=dead, state=ItemState.DEAD).update(
            state=ItemState.WAITING,
            attempts=MAX_ATTEMPTS - 1,
            reason="",
            next_at=now,
            ended_at=None,
            lease_until=None,
            lease_epoch=F("lease_epoch") + 1,
        )
        for queue, task in PROCESS_TASKS.items():
            wake(task, queue=queue)
    log.info("items_replayed", count=count, agent=by.pk)
    return count


def discard(item: Item, *, by: Agent, reason: str) -> None:
    """Set a dead item aside for good, with the reason. Its bytes stay."""
    log.info("item_discarded", item=item.pk, agent=by.pk)
    Item.objects.filter(pk=item.pk, state=ItemState.DEAD).update(
        state=ItemState.IGNORED, reason=f"discarded: {reason}"[:500]
    )


def body_of(envelope: Envelope) -> bytes:
    """The payload as it arrived."""
    if envelope.raw is not None:
        return bytes(envelope.raw)
    with default_storage.open(envelope.raw_key) as file:
        return bytes(file.read())


def read_file(attachment: Attachment) -> bytes:
    """The bytes of a waiting file, by the channel it came through."""
    assert attachment.entry is not None
    assert attachment.entry.inbox is not None
    return adapter(attachment.entry.inbox.kind).read_file(attachment)


def _parse(item: Item, *, by_hand: bool) -> Inbound | Bounce | Ignored | Change:
    envelope = item.envelope
    channel = adapter(envelope.inbox.kind)
    return channel.parse(envelope, body_of(envelope), item.position, by_hand=by_hand)


def _add_unseen(item: Item) -> None:
    """Of a payload that could not be read when it came nobody saw whose it is, so that it waits in
    the lane of nobody, and how many items it has."""
    inbox = item.envelope.inbox
    if item.lane != lane(inbox, ""):
        return
    told = {"envelope": item.envelope, "inbox": inbox, "received_at": item.received_at}
    Item.objects.bulk_create(
        [
            Item(
                **told, position=head.position, lane=lane(inbox, head.sender), next_at=item.next_at
            )
            for head in adapter(inbox.kind).heads(body_of(item.envelope))
            if head.position > item.position
        ],
        ignore_conflicts=True,
    )


def _outcome(item: Item, parsed: Inbound | Bounce | Ignored | Change, *, by_hand: bool) -> Outcome:
    if isinstance(parsed, Ignored):
        return intake.Outcome(intake.IGNORED, reason=parsed.reason)
    if isinstance(parsed, Bounce):
        return _bounced(item.envelope.inbox, parsed)
    if isinstance(parsed, CHANGES):
        return _changed(item, parsed)
    stepped_out = item.attempts >= STEPS_OUT_AFTER or item.lease_epoch >= MAX_CLAIMS
    if stepped_out or item.lane == lane(item.envelope.inbox, ""):
        parsed = intake.late(parsed)
    outcome = intake.receive(parsed, by_hand=by_hand)
    if parsed.files:
        wake(STORE_FILES)
    if outcome.state == intake.THREADED and outcome.entry:
        adapter(item.envelope.inbox.kind).threaded(outcome.entry)
    return outcome


def _changed(item: Item, change: Change) -> Outcome:
    """What changes a message may come before it: it waits for a while, and is let go then."""
    try:
        return mirrored.mirror(item.envelope.inbox, change)
    except mirrored.NotHere:
        if item.attempts < MAX_ATTEMPTS - 1:
            raise
        return intake.Outcome(intake.IGNORED, reason="unknown_message")


def _bounced(inbox: Inbox, bounce: Bounce) -> Outcome:
    """A report counts once: its arrival is written beside what it did, and found again."""
    known = Arrival.objects.filter(
        scope=inbox.dedup_scope, external_id=bounce.external_id, is_first=True
    ).first()
    if known:
        return intake.Outcome(intake.DUPLICATE, known.entry)
    outcome = intake.bounced(
        names=bounce.names,
        recipients=bounce.recipients,
        reason=bounce.reason,
        temporary=bounce.temporary,
    )
    if outcome.entry:
        Arrival.objects.create(
            inbox=inbox,
            external_id=bounce.external_id,
            scope=inbox.dedup_scope,
            is_first=True,
            entry=outcome.entry,
        )
    return outcome


def _failed(lease: Lease, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}"[:500]
    with transaction.atomic():
        item = Item.objects.select_for_update(of=("self",)).get(pk=lease.item)
        if item.lease_epoch != lease.epoch or item.state != ItemState.WAITING:
            return
        now = database_now()
        item.reason, item.lease_until = reason, None
        if not (_was_interrupted(lease, error) or into.is_held(item.inbox_id)):
            item.attempts += 1
            if item.attempts == 1 and not isinstance(error, (*AWAY, mirrored.NotHere)):
                into.failed(item.inbox_id, reason)
        if item.attempts >= MAX_ATTEMPTS:
            item.state, item.ended_at = ItemState.DEAD, now
        else:
            item.next_at = now + timedelta(seconds=2 ** max(item.attempts - 1, 0))
        item.save(
            update_fields=["reason", "attempts", "lease_until", "state", "ended_at", "next_at"]
        )


def _was_interrupted(lease: Lease, error: Exception) -> bool:
    """Whether the database went away, which says nothing about the payload. One that meets with it
    again and again is no innocent."""
    return isinstance(error, AWAY) and lease.epoch < MAX_CLAIMS


def _transaction(*, several: bool) -> AbstractContextManager[None]:
    """For several statements, or for one that is a transaction by itself. Within another one this
    refuses."""
    if several or connection.in_atomic_block:
        return transaction.atomic(durable=True)
    return nullcontext()


def _insert_once(inbox: Inbox, raw: Raw, stored: str) -> Kept:
    told: dict[str, Any] = {
        "source": raw.source,
        "dedup_key": raw.dedup_key[:300],
        "raw": None if stored else raw.body,
        "raw_key": stored,
        "size": len(raw.body),
        "meta": raw.meta,
    }
    heads = adapter(inbox.kind).heads(raw.body)
    items: dict[str, Any] = {
        "inbox": inbox.pk,
        "positions": [head.position for head in heads],
        "lanes": [lane(inbox, head.sender) for head in heads],
    }
    with prepared.cursor() as cursor:
        cursor.execute(KEEP, {**told, **items, "meta": json.dumps(raw.meta)})
        row = cursor.fetchone()
    if row is None:
        known = Envelope.objects.defer("raw").get(inbox=inbox, dedup_key=told["dedup_key"])
        return Kept(known, is_new=False)
    return Kept(Envelope(pk=row[0], received_at=row[1], inbox=inbox, **told), is_new=True)


def _stored_body(body: bytes) -> str:
    """Put a large body into storage, synced to disk, and return its key; '' for a small one."""
    if len(body) <= settings.ENVELOPE_INLINE_BYTES:
        return ""
    key = uuid4().hex
    name = default_storage.save(f"envelopes/{key[:2]}/{key}", ContentFile(body))
    _sync(name)
    return name


def _sync(name: str) -> None:
    try:
        path = default_storage.path(name)
    except NotImplementedError:
        return  # an object store has it once it has answered
    for target in (path, os.path.dirname(path)):
        handle = os.open(target, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
