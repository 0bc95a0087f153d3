"""The only way in: keep the payload, then thread its items, each in order of its sender.

`keep()` commits an envelope with its items; only then is a hook answered or a mailbox told. Items
are claimed under a lease and processed one transaction each, so a crash between two lines leaves an
item waiting, never half done. Each queue takes the items of its own channels, so that a backlog of
mail never delays a chat.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils.translation import gettext_noop

from channels_inbox import whole
from channels_inbox.base import Bounce, Ignored
from channels_inbox.models import Envelope, Item, ItemState
from channels_inbox.registry import adapter, kinds_of_queue
from conversations import intake, mirrored
from conversations.mirrored import CHANGES
from conversations.models import Arrival, Inbox
from conversations.thread import database_now
from conversations.wake import wake

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from channels_inbox.base import Raw
    from conversations.intake import Inbound, Outcome
    from conversations.mirrored import Change
    from conversations.models import Agent, Attachment, Entry

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=15)
MAX_ATTEMPTS = 8
STEPS_OUT_AFTER = 2
MAX_CLAIMS = 8
TASK_SECONDS = 20.0
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
    "other_account": gettext_noop("For another account than this inbox is connected to"),
    "group": gettext_noop("Written in a group, not to us alone"),
    "greeting": gettext_noop("A greeting by which a chat with a bot begins"),
    "button": gettext_noop("A button was pressed that is not ours"),
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
# A lane is one sender in one inbox: only its oldest waiting item may be claimed. An item that
# failed twice, or whose workers died again and again, steps out, so that it holds up nobody behind
# it. Its commit waits for no disk: a crash that forgets a lease only leaves the item to be claimed
# again, and what was done under it is committed after it or not at all.
#
# What the planner knows of waiting items is from when there were none, so that it would read all
# of them for each claim, and find it cheap. It is left no choice: the first of a lane is asked for
# item by item, after the inboxes, and by `ended_at`, which no other index has.
CLAIM = """
WITH ready AS (
  SELECT i.id FROM channels_inbox_item i
  WHERE i.state = 'waiting' AND i.next_at <= clock_timestamp()
    AND i.inbox_id = ANY(ARRAY(SELECT id FROM conversations_inbox WHERE kind = ANY(%(kinds)s)))
    AND (i.lease_until IS NULL OR i.lease_until < clock_timestamp())
    AND i.id <= coalesce((
      SELECT e.id FROM channels_inbox_item e
      WHERE e.lane = i.lane AND e.ended_at IS NULL
        AND e.attempts < %(steps_out)s AND e.lease_epoch < %(claims)s
      ORDER BY e.id LIMIT 1), i.id)
  ORDER BY i.next_at, i.id LIMIT %(limit)s
  FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE channels_inbox_item i
SET lease_until = clock_timestamp() + %(lease)s * interval '1 second',
    lease_epoch = i.lease_epoch + 1
FROM ready, (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed
WHERE i.id = ready.id
RETURNING i.id, i.lease_epoch
"""
END = """
UPDATE channels_inbox_item
SET state = %s, reason = %s, entry_id = %s, lease_until = NULL, ended_at = clock_timestamp()
WHERE id = %s AND lease_epoch = %s AND state = 'waiting'
"""


@dataclass(frozen=True)
class Lease:
    item: int
    epoch: int


class LostLease(Exception):
    """Somebody else has the item now; what was done with it is rolled back."""


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


def claim(queue: str, limit: int = 1) -> list[Lease]:
    """Lease up to `limit` items of this queue's channels that are ready."""
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM,
            {
                "kinds": kinds_of_queue(queue),
                "steps_out": STEPS_OUT_AFTER,
                "claims": MAX_CLAIMS,
                "limit": limit,
                "lease": LEASE.total_seconds(),
            },
        )
        return [Lease(*row) for row in cursor.fetchall()]


def process_waiting(queue: str, seconds: float = TASK_SECONDS) -> int:
    """Process items of a queue, one at a time, until none is ready. Returns how many.

    After `seconds` it asks for another turn, so that no task holds its worker for long.
    """
    ends, done = time.monotonic() + seconds, 0
    while leases := claim(queue):
        for lease in leases:
            process(lease)
        done += len(leases)
        if time.monotonic() > ends:
            wake(PROCESS_TASKS[queue], queue=queue)
            break
    return done


def process(lease: Lease, *, by_hand: bool = False) -> None:
    """Thread one item. Whatever goes wrong is written on the item, which is tried again or ends
    dead."""
    try:
        item = whole.item(lease.item)
        parsed = _parse(item, by_hand=by_hand)
        with transaction.atomic():
            outcome = _outcome(item, parsed, by_hand=by_hand)
            _end(lease, outcome.state, reason=outcome.reason, entry=outcome.entry)
    except LostLease:
        log.info("item_lease_lost", item=lease.item)
    except Exception as error:  # noqa: BLE001 - a payload of any shape must not stop its neighbours
        log.warning("item_failed", item=lease.item, error=type(error).__name__)
        _failed(lease, error)


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


def _outcome(item: Item, parsed: Inbound | Bounce | Ignored | Change, *, by_hand: bool) -> Outcome:
    if isinstance(parsed, Ignored):
        return intake.Outcome(intake.IGNORED, reason=parsed.reason)
    if isinstance(parsed, Bounce):
        return _bounced(item.envelope.inbox, parsed)
    if isinstance(parsed, CHANGES):
        return _changed(item, parsed)
    if item.attempts >= STEPS_OUT_AFTER or item.lease_epoch >= MAX_CLAIMS:
        parsed = intake.late(parsed)
    outcome = intake.receive(parsed, by_hand=by_hand)
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


def _end(lease: Lease, state: str, *, reason: str = "", entry: Entry | None = None) -> None:
    with connection.cursor() as cursor:
        entry_id = entry.pk if entry else None
        cursor.execute(END, [state, reason[:500], entry_id, lease.item, lease.epoch])
        if not cursor.rowcount:
            raise LostLease


def _failed(lease: Lease, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}"[:500]
    with transaction.atomic():
        item = Item.objects.select_for_update(of=("self",)).get(pk=lease.item)
        if item.lease_epoch != lease.epoch or item.state != ItemState.WAITING:
            return
        now = database_now()
        item.reason, item.lease_until = reason, None
        item.attempts += not _was_interrupted(lease, error)
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
    return isinstance(error, OperationalError | InterfaceError) and lease.epoch < MAX_CLAIMS


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
        "lanes": [_lane(inbox, head.sender) for head in heads],
    }
    with connection.cursor() as cursor:
        cursor.execute(KEEP, {**told, **items, "meta": json.dumps(raw.meta)})
        row = cursor.fetchone()
    if row is None:
        known = Envelope.objects.defer("raw").get(inbox=inbox, dedup_key=told["dedup_key"])
        return Kept(known, is_new=False)
    return Kept(Envelope(pk=row[0], received_at=row[1], inbox=inbox, **told), is_new=True)


def _lane(inbox: Inbox, sender: str) -> str:
    name = hashlib.sha256(sender.encode("utf-8", "replace")).hexdigest()[:32]
    return f"{inbox.pk}:{name}"


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
