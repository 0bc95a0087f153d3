"""`/metrics`, as Prometheus reads it. Without a token or a network in the settings it is not there.

Any web process answers for all: counters come from Redis, everything else from the tables.
"""

import hmac
from collections import defaultdict
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Final

from django.conf import settings
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from redis import RedisError

from helpdesk import heartbeats
from helpdesk.entrance import FORWARDED
from helpdesk.metrics import counting, readings

COUNTERS: Final = {
    "requests": (
        "Requests answered, by where their path begins",
        ("door", "method", "status"),
    ),
    "tasks": ("Tasks run by workers", ("task", "outcome")),
}
DURATIONS: Final = {
    "request_seconds": ("How long requests took to be answered", ("door",)),
    "task_seconds": ("How long tasks ran", ("task",)),
}
SOCKETS: Final = ("desk", "chat")


@never_cache
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, for who may read them; for everybody else there is no such page."""
    if not may_read(request):
        raise Http404
    registry = CollectorRegistry()
    registry.register(Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def may_read(request: HttpRequest) -> bool:
    """Whoever has the token; and one of the networks, if it asks us without a proxy between."""
    scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    if wanted and scheme.lower() == "bearer":
        return hmac.compare_digest(given.encode(), wanted.encode())
    if any(name in request.META for name in FORWARDED):
        return False
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return any(address in network for network in settings.METRICS_NETWORKS)


class Figures(Collector):
    """Everything there is, read when asked."""

    def describe(self) -> list[Metric]:
        """Nothing is asked before somebody asks."""
        return []

    def collect(self) -> Iterator[Metric]:
        """A service that is down makes its own figures miss, no others."""
        up = GaugeMetricFamily("helpdesk_up", "Whether a service answers", labels=["service"])
        for service, source in (("database", _from_tables), ("broker", _from_redis)):
            try:
                found = list(source())
                up.add_metric([service], 1)
            except (Error, RedisError):
                found = []
                up.add_metric([service], 0)
            yield from found
        yield up


def _from_tables() -> Iterator[Metric]:
    now, queues = timezone.now(), readings.queues()
    waiting = {queue.name: queue.waiting for queue in queues}
    yield _gauge("queue_waiting", "What is due and not taken", "queue", waiting)
    ages = {queue.name: queue.seconds(now) for queue in queues}
    yield _gauge("queue_oldest_seconds", "For how long the oldest has been waiting", "queue", ages)
    for what in readings.STATES:
        yield _gauge(what, f"{what.capitalize()} not at a good end", "state", readings.states(what))
        recent = readings.recent(what).by_state
        yield _gauge(f"{what}_recent", f"{what.capitalize()} of 5 minutes", "state", recent)
    yield _gauge("mailboxes", "Accounts in use", "state", readings.mailboxes())
    broken = readings.broken_laws()
    yield _gauge("laws_broken", "Unresolved tickets that break a law", "law", broken)


def _from_redis() -> Iterator[Metric]:
    missing = heartbeats.missing()
    alive = {name: int(name not in missing) for name in heartbeats.EXPECTED}
    yield _gauge("alive", "Whether one such process gave a sign of life", "process", alive)
    sockets = counting.open_sockets()
    yield _gauge("sockets", "Open sockets", "sort", {sort: sockets[sort] for sort in SOCKETS})
    waiting = heartbeats.wake_ups()
    yield _gauge("wake_ups", "Wake-ups that no worker has taken", "queue", waiting)
    sums = counting.counted()
    for name, (about, labels) in COUNTERS.items():
        counter = CounterMetricFamily(f"helpdesk_{name}", about, labels=labels)
        for (found, *values), amount in sums.items():
            if found == name:
                counter.add_metric(values, amount)
        yield counter
    for name, (about, labels) in DURATIONS.items():
        yield _histogram(name, about, labels, sums)


def _histogram(
    name: str, about: str, labels: tuple[str, ...], sums: dict[tuple[str, ...], float]
) -> Metric:
    buckets: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for (found, *values), amount in sums.items():
        if found == f"{name}_bucket":
            buckets[tuple(values[:-1])][values[-1]] = amount
    family = HistogramMetricFamily(f"helpdesk_{name}", about, labels=labels)
    for place, counts in buckets.items():
        total, steps = 0.0, []
        for edge in (*map(str, counting.BUCKETS), "+Inf"):
            total += counts.get(edge, 0)
            steps.append((edge, total))
        family.add_metric(place, steps, sum_value=sums.get((f"{name}_sum", *place), 0))
    return family


def _gauge(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"helpdesk_{name}", about, labels=[label])
    for place, value in values.items():
        family.add_metric([place], value)
    return family
