"""How fast mail comes in: from raw bytes to a stored, threaded and indexed entry."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from channels_inbox import receive
from channels_inbox.base import Raw
from channels_inbox.models import Item, ItemState
from conversations.models import Delivery, Identity, Inbox, Status
from helpdesk.bench.clocks import Stopwatch, children_of
from helpdesk.bench.mails import mail
from helpdesk.seeding.people import DOMAIN

if TYPE_CHECKING:
    from channels_inbox.models import Envelope

WARM_UP: Final = 30


class NotSeeded(Exception):
    """There is nothing here to measure on: `manage.py seed` comes first."""


@dataclass(frozen=True)
class Writer:
    """Who writes, and the message it answers ('' for none)."""

    address: str
    name: str
    answers: str = ""


def measure(count: int, seed: int) -> dict[str, Any]:
    """Milliseconds for each mail, of new ones and of replies; one worker process does it all."""
    rng = random.Random(seed)
    inbox = bench_inbox()
    _take_in(inbox, _mails(rng, inbox, _newcomers(rng, WARM_UP)))
    figures = {
        kind: _timed(inbox, _mails(rng, inbox, writers))
        for kind, writers in (("new", _newcomers(rng, count)), ("reply", _repliers(rng, count)))
    }
    return figures | {"tickets": _tickets()}


def bench_inbox() -> Inbox:
    """The first seeded inbox. Raises NotSeeded."""
    inbox = Inbox.objects.filter(address=f"support@{DOMAIN}").select_related("team").first()
    if inbox is None:
        raise NotSeeded
    return inbox


def backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
        return pid


def _timed(inbox: Inbox, mails: list[bytes]) -> dict[str, Any]:
    watch = Stopwatch(backend_pid(), children_of(os.getpid()))
    envelopes = _take_in(inbox, mails)
    figures = watch.spent().each(len(mails))
    wrong = Item.objects.filter(envelope__in=envelopes).exclude(state=ItemState.THREADED)
    return {
        **figures,
        "per_second": round(1000 / (figures["wall_ms"] or 1), 1),
        "not_threaded": wrong.count(),
    }


def _take_in(inbox: Inbox, mails: list[bytes]) -> list[Envelope]:
    """As a pull does it, then as a worker does it."""
    kept = [
        receive.keep(inbox, Raw("bench", receive.digest_key(raw), raw)).envelope for raw in mails
    ]
    while receive.process_waiting("slow"):
        pass
    return kept


def _mails(rng: random.Random, inbox: Inbox, writers: list[Writer]) -> list[bytes]:
    return [
        mail(rng, sender=writer.address, name=writer.name, to=inbox.address, answers=writer.answers)
        for writer in writers
    ]


def _newcomers(rng: random.Random, count: int) -> list[Writer]:
    """Every other one wrote before; the others make a new customer."""
    numbers = list(Identity.objects.filter(kind="email").values_list("pk", flat=True))
    known = list(Identity.objects.filter(pk__in=rng.choices(numbers, k=count // 2)))
    writers = [Writer(one.value, one.label or "Some One") for one in known]
    while len(writers) < count:
        writers.append(Writer(f"new-{rng.getrandbits(80):020x}@mail.example", "New Comer"))
    rng.shuffle(writers)
    return writers


def _repliers(rng: random.Random, count: int) -> list[Writer]:
    sent = Delivery.objects.filter(
        entry__ticket__status__in=(Status.OPEN, Status.PENDING), state="sent", inbox=bench_inbox()
    ).exclude(provider_id="")
    found = list(sent.order_by("-pk").values_list("identity__value", "provider_id")[: count * 3])
    if not found:
        raise NotSeeded
    return [Writer(address, "Re Plier", name) for address, name in rng.choices(found, k=count)]


def _tickets() -> int:
    """About how many there are, as the planner knows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = 'conversations_ticket'::regclass"
        )
        count: int = cursor.fetchone()[0]
        return count
