"""Two questions a load balancer asks: is this process alive, and can it keep what it is given?"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import RedisError

from helpdesk import heartbeats

PATIENCE = 2.0
STATEMENT_SECONDS = 1.5
OVERDUE = timedelta(seconds=60)

# One thread: while a probe hangs, the next ones wait behind it and time out, instead of each
# leaving another stuck connection behind.
prober = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readyz")


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as this process answers at all."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when we can commit an envelope, else 503; `?strict=1` is 503 on any fault.

    The body is `{"status": "ready" | "degraded" | "unavailable", "degraded": {part: fault},
    "oldest_unprocessed_at": ISO time | null}`.
    """
    fatal, oldest = probe()
    faults = fatal | broker_faults() | backlog_faults(oldest)
    status = "unavailable" if fatal else "degraded" if faults else "ready"
    failing = fatal or (faults and request.GET.get("strict") == "1")
    return JsonResponse(
        {"status": status, "degraded": faults, "oldest_unprocessed_at": oldest},
        status=503 if failing else 200,
    )


def probe() -> tuple[dict[str, str], datetime | None]:
    """Commit a row within `PATIENCE`; return faults and when the oldest unprocessed item came."""
    future = prober.submit(commit_and_look)
    try:
        return {}, future.result(timeout=PATIENCE)
    except TimeoutError:
        future.cancel()
        return {"database": f"no commit within {PATIENCE:.0f} s"}, None
    except Error as error:
        return {"database": f"can't commit ({type(error).__name__})"}, None


def commit_and_look() -> datetime | None:
    """Rewrite the probe's row in a transaction of its own, then read the oldest waiting item."""
    from channels_inbox.models import Item

    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS * 1000:.0f}ms'")
            cursor.execute(
                "INSERT INTO helpdesk_probe (id, at) VALUES (1, clock_timestamp())"
                " ON CONFLICT (id) DO UPDATE SET at = excluded.at"
            )
        return Item.objects.oldest_waiting()
    finally:
        connection.close()


def broker_faults() -> dict[str, str]:
    """What is wrong with Redis or the processes that should leave a sign of life there."""
    try:
        missing = heartbeats.missing()
    except RedisError as error:
        return {"broker": f"Redis doesn't answer ({type(error).__name__})"}
    return dict.fromkeys(missing, f"no sign of life for {heartbeats.LASTS} s")


def backlog_faults(oldest: datetime | None) -> dict[str, str]:
    """Whether something has been waiting to be processed for too long."""
    if oldest is None or (waited := timezone.now() - oldest) < OVERDUE:
        return {}
    return {"backlog": f"the oldest item has been waiting for {waited.total_seconds():.0f} s"}
