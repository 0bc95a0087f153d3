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
from django.db.models import Count
from django.utils.translation import gettext as _

from channels_inbox import pulling
from channels_inbox.base import SIGN_IN, SendError, SendUnknown
from channels_inbox.models import Account
from channels_inbox.registry import adapter, kinds_sent_by
from conversations import customers, deliveries, intake
from conversations.models import Delivery, DeliveryState, Inbox
from conversations.thread import database_now
from conversations.wake import wake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from channels_inbox.base import Accepted
    from conversations.deliveries import Lease

log = structlog.get_logger(__name__)

RENEW_EVERY = 5.0
WRITE_AGAIN_EVERY = 0.5
TASK_SECONDS = 20.0
AT_ONCE = 2
REST = timedelta(seconds=30)
LONG_REST = timedelta(minutes=5)
DELIVER_TASKS = {"fast": "channels_inbox.deliver_fast", "slow": "channels_inbox.deliver"}


def deliver_due(queue: str, seconds: float = TASK_SECONDS) -> int:
    """Send what is due in the channels of one queue. Returns how many attempts were made.

    Leases are taken one at a time: one that only waits for its turn would expire unsent, and be
    called ambiguous. After `seconds` it asks for another turn.
    """
    ends, done = time.monotonic() + seconds, 0
    while leases := _claim(queue):
        for lease in leases:
            attempt(lease)
        done += len(leases)
        if time.monotonic() > ends:
            wake(DELIVER_TASKS[queue], queue=queue)
            break
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
        interrupted = SendError("interrupted", type(error).__name__, permanent=False)
        _write(lambda: _not_sent(lease, interrupted))
        return
    accepted = _send(lease, delivery)
    if accepted:
        _tell_refused(delivery, accepted)
        Account.objects.filter(inbox=delivery.inbox_id).update(last_out_at=database_now())
        pulling.healthy(delivery.inbox_id, sending=True)


def _send(lease: Lease, delivery: Delivery) -> Accepted | None:
    """Hand it over and write what came of it. Returns what the provider accepted, if it did."""
    accepted = None
    outcome: Callable[[], object]
    try:
        with _renewed(lease):
            accepted = adapter(delivery.inbox.kind).send(delivery, partial(_hand_over, lease))
    except SendError as refused:
        outcome = partial(_not_sent, lease, refused)
        _write(partial(_note, delivery, refused))
    except SendUnknown as unknown:
        outcome = partial(deliveries.ambiguous, lease, error=str(unknown))
    except Exception as error:  # noqa: BLE001 - nobody knows how far it got
        log.exception("send_broke", delivery=lease.delivery)
        text = _("Sending broke off: %(error)s") % {"error": type(error).__name__}
        outcome = partial(deliveries.ambiguous, lease, error=text)
    else:
        outcome = partial(deliveries.sent, lease, provider_id=accepted.provider_id)
    _write(outcome)
    return accepted


def _hand_over(lease: Lease) -> None:
    """Raises SendError when the lease was lost: somebody else may be sending it by now."""
    if not deliveries.handing_over(lease):
        raise SendError("lease_lost", _("Another worker has it now."), permanent=False)


def _write(outcome: Callable[[], object]) -> None:
    """Write what is known of an attempt, again and again while the database is away: once the lease
    is over, the message is called ambiguous though we knew better. Twice does nothing more."""
    ends = time.monotonic() + deliveries.LEASE.total_seconds()
    while True:
        try:
            outcome()
            return
        except (OperationalError, InterfaceError):
            if time.monotonic() > ends:
                raise
            connection.close()
            time.sleep(WRITE_AGAIN_EVERY)


def _claim(queue: str) -> list[Lease]:
    with transaction.atomic():
        leases = deliveries.claim(_free(queue), 1)
        for delivery in Delivery.objects.select_related(
            "entry__ticket", "entry__agent", "inbox", "identity"
        ).filter(pk__in=[lease.delivery for lease in leases]):
            _prepare(delivery)
    return leases


def _free(queue: str) -> list[int]:
    """Inboxes by which something may be sent now. One that is busy with `AT_ONCE` messages, or
    rests, waits: a slow provider holds no more of the workers than that."""
    inboxes = Inbox.objects.active().filter(kind__in=kinds_sent_by(queue))
    awake = inboxes.exclude(account__rests_until__gt=database_now())
    sending = Delivery.objects.filter(state=DeliveryState.SENDING).values_list("inbox_id")
    busy = {pk for pk, count in sending.annotate(count=Count("pk")) if count >= AT_ONCE}
    return [pk for pk in awake.values_list("pk", flat=True) if pk not in busy]


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
            counts=not error.is_the_accounts,
        )


def _note(delivery: Delivery, error: SendError) -> None:
    """What a refusal says beyond the one message: about the account, or about the customer."""
    if error.is_the_accounts:
        rest = error.retry_after or (LONG_REST if error.code == SIGN_IN else REST)
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
