"""The way out of an inbox: a rate, a number at once, and a breaker, shared by all workers.

A bucket of one second's worth of messages fills at the inbox's rate; one UPDATE takes from it. A
provider that fails again and again shuts the gate, is asked now and then whether it is back, gets
one message then, and all of them once that went well. So does one that wanted to be left alone for
a time, when that is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from channels_inbox.base import ConnectError
from channels_inbox.gates.models import Gate
from channels_inbox.models import Account
from channels_inbox.registry import adapter, kinds_sent_by
from conversations.models import Delivery, DeliveryState
from conversations.thread import database_now

if TYPE_CHECKING:
    from django.db.models.expressions import CombinedExpression

    from conversations.models import Inbox

log = structlog.get_logger(__name__)

SHUTS_AFTER: Final = 5
FIRST_PROBE, LONGEST_PROBE = timedelta(seconds=15), timedelta(minutes=2)
PROBE_LASTS: Final = timedelta(seconds=45)
SLOW_SECONDS: Final = 3.0

# `wait` is in how many seconds the bucket has one again; `slow` whether its provider took long of
# late, does so right now, or wanted to be left alone and has taken nothing since.
WAYS = """
WITH sorts AS (
  SELECT * FROM unnest(%(kinds)s::text[], %(rates)s::int[], %(at_once)s::int[])
    AS sort(kind, per_minute, at_once)
), hands AS (
  SELECT inbox_id, count(*) AS busy,
    bool_or(attempt_at < clock_timestamp() - %(slow)s * interval '1 second') AS waits
  FROM conversations_delivery WHERE state = 'sending' GROUP BY inbox_id
), ways AS (
  SELECT i.id, coalesce(g.per_minute, s.per_minute) / 60.0 AS rate, g.tokens, g.filled_at,
    coalesce(g.pace_ms > %(slow)s * 1000, false) OR coalesce(h.waits, false)
      OR coalesce(a.rests_until > coalesce(a.last_out_at, '-infinity'), false) AS slow,
    coalesce(h.busy, 0) AS busy,
    CASE WHEN g.shut_at IS NOT NULL THEN 1 ELSE s.at_once END AS at_once
  FROM conversations_inbox i
  JOIN sorts s ON s.kind = i.kind
  LEFT JOIN channels_inbox_gate g ON g.inbox_id = i.id
  LEFT JOIN channels_inbox_account a ON a.inbox_id = i.id
  LEFT JOIN hands h ON h.inbox_id = i.id
  WHERE i.is_active AND (g.shut_at IS NULL OR g.probe_at IS NULL)
    AND (a.rests_until IS NULL OR a.rests_until <= clock_timestamp())
)
SELECT id, slow, CASE WHEN filled_at IS NULL THEN 0 ELSE greatest(0, (1 - tokens) / rate
  - extract(epoch FROM clock_timestamp() - filled_at))::float8 END AS wait
FROM ways WHERE busy < CASE WHEN slow THEN 1 ELSE at_once END
"""
TAKE = """
INSERT INTO channels_inbox_gate AS g (inbox_id, tokens, filled_at)
VALUES (%(inbox)s, greatest(1, %(usual)s / 60.0) - 1, clock_timestamp())
ON CONFLICT (inbox_id) DO UPDATE SET filled_at = clock_timestamp(),
  tokens = least(greatest(1, coalesce(g.per_minute, %(usual)s) / 60.0), g.tokens
    + extract(epoch FROM clock_timestamp() - g.filled_at)
    * coalesce(g.per_minute, %(usual)s) / 60.0) - 1
WHERE (g.shut_at IS NULL OR g.probe_at IS NULL)
  AND g.tokens + extract(epoch FROM clock_timestamp() - g.filled_at)
    * coalesce(g.per_minute, %(usual)s) / 60.0 >= 0.999
  AND NOT EXISTS (SELECT 1 FROM channels_inbox_account a
    WHERE a.inbox_id = g.inbox_id AND a.rests_until > clock_timestamp())
RETURNING g.shut_at IS NOT NULL OR EXISTS (SELECT 1 FROM channels_inbox_account a
  WHERE a.inbox_id = g.inbox_id AND a.rests_until > coalesce(a.last_out_at, '-infinity'))
"""


@dataclass(frozen=True)
class Way:
    """An inbox by which something may be sent, after `wait` seconds."""

    inbox: int
    slow: bool
    wait: float


def ways(queue: str) -> list[Way]:
    """Inboxes with room for one more message in hand. A slow provider has one at a time, and so has
    one that wanted less, until it takes something."""
    adapters = [adapter(kind) for kind in kinds_sent_by(queue)]
    told: dict[str, list[Any] | float] = {
        "kinds": [one.kind for one in adapters],
        "rates": [one.per_minute for one in adapters],
        "at_once": [one.at_once for one in adapters],
        "slow": SLOW_SECONDS,
    }
    with connection.cursor() as cursor:
        cursor.execute(WAYS, told)
        return [Way(*row) for row in cursor.fetchall()]


def take(inbox: Inbox) -> bool:
    """One message of this inbox goes out now: within its rate, its breaker and its number at once.
    Asked in the transaction that claims the message, whose lock on the row makes the count true."""
    channel = adapter(inbox.kind)
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"inbox": inbox.pk, "usual": channel.per_minute})
        row = cursor.fetchone()
    if row is None:
        return False
    busy = Delivery.objects.filter(inbox=inbox, state=DeliveryState.SENDING).count()
    return bool(busy <= (1 if row[0] else channel.at_once))


def worked(inbox: int, seconds: float) -> None:
    """The provider answered, with a yes or with a no about this one message: it is there."""
    Gate.objects.filter(inbox=inbox).update(failures=0, pace_ms=_paced(seconds))
    shut = Gate.objects.filter(inbox=inbox, shut_at__isnull=False)
    if shut.update(shut_at=None, probe_at=None):
        log.info("gate_opened", inbox=inbox)
        release(inbox)


def failed(inbox: int, seconds: float) -> bool:
    """The provider is out of order, as far as this attempt tells. Returns whether the gate is shut
    now."""
    counted = {"failures": F("failures") + 1, "pace_ms": _paced(seconds)}
    Gate.objects.filter(inbox=inbox).update(**counted)
    fresh = Gate.objects.filter(inbox=inbox).first()
    if fresh is None or fresh.failures < SHUTS_AFTER:
        return False
    now = database_now()
    probe = now + min(FIRST_PROBE * 2 ** min(fresh.failures - SHUTS_AFTER, 6), LONGEST_PROBE)
    Gate.objects.filter(inbox=inbox).update(shut_at=fresh.shut_at or now, probe_at=probe)
    if fresh.shut_at is None:
        log.warning("gate_shut", inbox=inbox, failures=fresh.failures)
    return True


def allow(inbox: Inbox, per_minute: int | None) -> None:
    """How many messages a minute an admin lets go out. What is usual there, and None, follow what a
    later release takes for usual."""
    usual = adapter(inbox.kind).per_minute
    Gate.objects.update_or_create(
        inbox=inbox, defaults={"per_minute": None if per_minute == usual else per_minute}
    )


def rate_of(inbox: Inbox) -> int:
    gate = Gate.objects.filter(inbox=inbox).first() if inbox.pk else None
    return (gate and gate.per_minute) or adapter(inbox.kind).per_minute


def open_again(inbox: Inbox) -> None:
    """Its settings are other ones now: what was wrong may be mended."""
    Gate.objects.filter(inbox=inbox).update(failures=0, shut_at=None, probe_at=None)


def release(inbox: int) -> None:
    """What waits because the provider was away goes out now."""
    now = database_now()
    waiting = Delivery.objects.filter(inbox=inbox, state=DeliveryState.QUEUED, next_at__gt=now)
    waiting.exclude(error_code="").update(next_at=now)


def probe_due() -> int:
    """Ask the providers behind shut gates whether they are back. Returns how many were asked."""
    shut = Gate.objects.filter(shut_at__isnull=False, probe_at__lte=Now(), inbox__is_active=True)
    return sum(_probe(inbox) for inbox in list(shut.values_list("inbox_id", flat=True)))


def _paced(seconds: float) -> CombinedExpression:
    return (F("pace_ms") * 2 + round(seconds * 1000)) / 3


def _probe(inbox: int) -> bool:
    """By one worker: whoever moves the time on asks."""
    now = database_now()
    mine = Gate.objects.filter(inbox=inbox, shut_at__isnull=False, probe_at__lte=now)
    if not mine.update(probe_at=now + PROBE_LASTS):
        return False
    account = Account.objects.select_related("inbox__team").filter(pk=inbox).first()
    try:
        if account:
            adapter(account.inbox.kind).probe(account)
    except ConnectError as error:
        log.info("gate_stays_shut", inbox=inbox, code=error.code)
        failed(inbox, 0)
    except Exception:  # the gate would else stay as if somebody were still asking
        log.exception("probe_broke", inbox=inbox)
        failed(inbox, 0)
    else:
        with transaction.atomic():
            Gate.objects.filter(inbox=inbox, shut_at__isnull=False).update(probe_at=None)
            release(inbox)
    return True
