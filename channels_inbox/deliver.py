"""The only way out: lease what is due, hand it to its channel, write what happened."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.utils.translation import gettext as _

from channels_inbox import pulling
from channels_inbox.base import SIGN_IN, SendError, SendUnknown
from channels_inbox.gates import out
from channels_inbox.gates.hands import Hands
from channels_inbox.models import Account
from channels_inbox.registry import adapter
from conversations import customers, deliveries, intake
from conversations.models import Delivery, DeliveryState
from conversations.thread import database_now
from conversations.wake import SEND, wake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from channels_inbox.base import Accepted
    from channels_inbox.gates.out import Way
    from conversations.deliveries import Lease

log = structlog.get_logger(__name__)

RENEW_EVERY = 5.0
WRITE_AGAIN_EVERY = 0.5
TASK_SECONDS = 20.0
LONGEST_WAIT = 1.5
REST = timedelta(seconds=30)
LONG_REST = timedelta(minutes=5)
# The threads of a process that send for slow channels, of which half may wait for slow providers.
THREADS = 6
INTERRUPTED, LEASE_LOST = "interrupted", "lease_lost"
OURS = (INTERRUPTED, LEASE_LOST)
AWAY = (OperationalError, InterfaceError)
DELIVER_TASKS = {"fast": "channels_inbox.deliver_fast", "slow": SEND}


def deliver_due(queue: str, seconds: float = TASK_SECONDS) -> int:
    """Send what is due in the channels of one queue. Returns how many attempts were made.

    Leases are taken one at a time: one that only waits for its turn would expire unsent, and be
    called ambiguous. Where only a rate holds the next one up, one thread waits for it. After
    `seconds` it asks for another turn.
    """
    ends, done = time.monotonic() + seconds, 0
    while True:
        ways = out.ways(queue)
        if lease := _claim(queue, ways):
            attempt(lease)
            done += 1
        elif not (pause := _pause(ways)) or not _HANDS.wait(pause):
            return done
        if time.monotonic() > ends:
            wake(DELIVER_TASKS[queue], queue=queue)
            return done


def attempt(lease: Lease) -> None:
    """One attempt at one message, committed before its I/O."""
    try:
        delivery = Delivery.objects.select_related(
            "entry__ticket", "entry__agent", "identity", "inbox"
        ).get(pk=lease.delivery)
        if not deliveries.renew(lease):
            return
    except Error as error:
        interrupted = _interrupted(error)
        _write(lambda: _not_sent(lease, interrupted))
        return
    accepted = _send(lease, delivery)
    if accepted:
        _tell_refused(delivery, accepted)
        Account.objects.filter(inbox=delivery.inbox_id).update(last_out_at=database_now())
        pulling.healthy(delivery.inbox_id, sending=True)


class _Step:
    """Whether the step was taken from which on a message may have been sent. One of several parts
    announces it for each: what was handed over before is written down by then."""

    def __init__(self, lease: Lease) -> None:
        self.lease, self.is_taken = lease, False

    def take(self) -> None:
        self.is_taken = False
        _hand_over(self.lease)
        self.is_taken = True


def _send(lease: Lease, delivery: Delivery) -> Accepted | None:
    """Hand it over and write what came of it. Returns what the provider accepted, if it did.

    That our own database went away says nothing of the provider.
    """
    accepted, step = None, _Step(lease)
    outcome: Callable[[], object]
    began = time.monotonic()
    is_there: bool | None = True
    try:
        with _renewed(lease), _HANDS.busy():
            accepted = adapter(delivery.inbox.kind).send(delivery, step.take)
    except SendError as refused:
        is_there = None if refused.code in OURS else not refused.away
        outcome = partial(_not_sent, lease, refused)
        _write(partial(_note, delivery, refused))
    except SendUnknown as unknown:
        is_there = False
        outcome = partial(deliveries.ambiguous, lease, error=str(unknown))
    except Exception as error:  # noqa: BLE001 - nobody knows how far it got
        is_there = None if isinstance(error, AWAY) else False
        if isinstance(error, Error) and not step.is_taken:
            outcome = partial(_not_sent, lease, _interrupted(error))
        else:
            outcome = partial(deliveries.ambiguous, lease, error=_broke(lease, error))
    else:
        outcome = partial(deliveries.sent, lease, provider_id=accepted.provider_id)
    _write(outcome)
    if is_there is not None:
        _write(partial(_tell_gate, delivery.inbox_id, is_there, time.monotonic() - began))
    return accepted


def _interrupted(error: Error) -> SendError:
    return SendError(INTERRUPTED, type(error).__name__, permanent=False)


def _broke(lease: Lease, error: Exception) -> str:
    log.exception("send_broke", delivery=lease.delivery)
    return _("Sending broke off: %(error)s") % {"error": type(error).__name__}


def _tell_gate(inbox: int, is_there: bool, seconds: float) -> None:
    (out.worked if is_there else out.failed)(inbox, seconds)


def _hand_over(lease: Lease) -> None:
    """Raises SendError when the lease was lost: somebody else may be sending it by now. A provider
    may think for long: no connection of ours waits with it."""
    if not deliveries.handing_over(lease):
        raise SendError(LEASE_LOST, _("Another worker has it now."), permanent=False)
    pulling.let_go()


def _write(outcome: Callable[[], object]) -> None:
    """Write what is known of an attempt, again and again while the database is away: once the lease
    is over, the message is called ambiguous though we knew better. Twice does nothing more."""
    ends = time.monotonic() + deliveries.LEASE.total_seconds()
    while True:
        try:
            outcome()
            return
        except AWAY:
            if time.monotonic() > ends:
                raise
            connection.close()
            time.sleep(WRITE_AGAIN_EVERY)


def _claim(queue: str, ways: Sequence[Way]) -> Lease | None:
    """The message that is due next in an inbox that may send one now. Who takes one that may have
    to wait for its provider has somebody else look after the others."""
    full = _HANDS.too_slow
    slow = {way.inbox for way in ways if way.slow}
    free = {way.inbox for way in ways if way.wait <= 0 and not (way.slow and full)}
    while free:
        with transaction.atomic():
            leases = deliveries.claim(list(free), 1)
            if not leases:
                return None
            delivery = Delivery.objects.select_related(
                "entry__ticket", "entry__agent", "inbox", "identity"
            ).get(pk=leases[0].delivery)
            if out.take(delivery.inbox):
                _prepare(delivery)
                if delivery.inbox_id in slow:
                    wake(DELIVER_TASKS[queue], queue=queue)
                return leases[0]
            transaction.set_rollback(True)
        free.discard(delivery.inbox_id)
    return None


def _pause(ways: Sequence[Way]) -> float:
    """In how many seconds a message that is due may go out, where only its inbox's rate holds it
    up; 0 where none is, or not soon."""
    waits = {way.inbox: way.wait for way in ways if 0 < way.wait <= LONGEST_WAIT}
    if not waits:
        return 0.0
    due = Delivery.objects.filter(
        inbox__in=waits, state=DeliveryState.QUEUED, next_at__lte=database_now()
    )
    soonest = min(
        (waits[pk] for pk in set(due.values_list("inbox_id", flat=True)[:200])), default=0.0
    )
    pulling.let_go()
    return soonest


def _prepare(delivery: Delivery) -> None:
    """That one message can't be named must not hold up the others: `send` then says what is
    wrong."""
    try:
        with transaction.atomic():
            adapter(delivery.inbox.kind).prepare(delivery)
    except SendError:
        return
    except Exception:  # noqa: BLE001 - whatever it is, the attempt is written as failed
        log.exception("prepare_broke", delivery=delivery.pk)


def _tell_refused(delivery: Delivery, accepted: Accepted) -> None:
    """Say in the thread which of the further recipients did not get it."""
    delivery.refresh_from_db(fields=["provider_id"])
    for address, reason in accepted.refused:
        intake.bounced(
            names=[delivery.provider_id], recipients=[address], reason=reason, temporary=False
        )


def _not_sent(lease: Lease, error: SendError) -> None:
    if error.permanent:
        deliveries.failed(lease, code=error.code, error=error.error)
    else:
        deliveries.postponed(
            lease,
            code=error.code,
            error=error.error,
            retry_after=error.retry_after,
            counts=not error.is_the_accounts and not (error.away and _is_shut(lease)),
        )


def _is_shut(lease: Lease) -> bool:
    """Whether it only tried whether its provider is back: that says nothing of the message."""
    delivery = Delivery.objects.filter(pk=lease.delivery)
    return delivery.filter(inbox__gate__shut_at__isnull=False).exists()


def _note(delivery: Delivery, error: SendError) -> None:
    """What a refusal says beyond the one message: about the account, or about the customer."""
    rest = error.rest
    if error.is_the_accounts:
        rest = error.retry_after or (LONG_REST if error.code == SIGN_IN else REST)
    if rest:
        Account.objects.filter(inbox=delivery.inbox_id).update(rests_until=database_now() + rest)
    if error.code == SIGN_IN:
        pulling.note_error(delivery.inbox_id, error.code, error.error, sending=True)
    if error.is_the_customers:
        customers.closed_to_us(delivery.identity, reason=error.code)


@contextmanager
def _renewed(lease: Lease) -> Iterator[None]:
    """Keep the lease while a slow provider answers, so that nobody calls the send ambiguous."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(RENEW_EVERY):
            try:
                deliveries.renew(lease)
            except Error as error:
                log.warning("lease_not_renewed", error=type(error).__name__)
            finally:
                connection.close()

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


_HANDS = Hands(slow_after=out.SLOW_SECONDS, most_slow=THREADS // 2)
