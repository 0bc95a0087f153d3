"""How fast a mail's hook and a chat's door answer, which is after the commit; and whether all that
a flood brought while no worker ran is threaded once workers run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse

from channels_inbox import receive, vault
from channels_inbox.chat import accounts, visitors
from channels_inbox.chat.config import ChatConfig
from channels_inbox.email.hooks import SECRET
from channels_inbox.models import Account, Item, ItemState
from conversations.models import Inbox
from conversations.wake import wake
from helpdesk.bench.clocks import percentiles, processor_ms
from helpdesk.bench.ingest import bench_inbox
from helpdesk.bench.live import ROOT, web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

CALM_RATE: Final = 20
FLOOD_RATE: Final = 300
VISITORS: Final = 200
NAME: Final = "Bench chat"
WAKE_EVERY: Final = 2.0
STUCK_AFTER: Final = 60.0
DRAIN_SECONDS: Final = 300.0


def measure(count: int, seed: int, *, seconds: int = 60) -> dict[str, Any]:
    """Milliseconds of `count` calls at a calm rate, then of `seconds` of a flood, half of them mail
    and half chat; and how long workers took to thread what the flood brought."""
    os.environ["CHAT_LIMITS_TIMES"] = "1000000"
    mails, chat, secret = bench_inbox(), _chat(), f"{random.Random(seed).getrandbits(256):064x}"
    vault.put(mails, SECRET, secret)
    Account.objects.get_or_create(inbox=mails)
    told: dict[str, Any] = {
        "hook": reverse("hook", args=["email", mails.public_id]),
        "secret": secret,
        "key": chat.public_id,
        "tokens": [visitors.begin(chat).token for _ in range(VISITORS)],
    }
    newest = _newest()
    with web() as (port, pid):
        told |= {"port": port}
        _knock(pid, {**told, "rate": CALM_RATE, "seconds": 2})
        calm = _knock(pid, {**told, "rate": CALM_RATE, "seconds": count / CALM_RATE})
        flood = _knock(pid, {**told, "rate": FLOOD_RATE, "seconds": seconds})
    return {"calm": _figures(calm), "flood": _figures(flood), "drained": _drained(newest)}


def _chat() -> Inbox:
    team = bench_inbox().team
    chat, _made = Inbox.objects.get_or_create(kind="chat", name=NAME, defaults={"team": team})
    accounts.save_account(chat, ChatConfig())
    return chat


def _knock(web: int, told: dict[str, Any]) -> dict[str, Any]:
    began = processor_ms(web) or 0.0
    done = subprocess.run(
        [sys.executable, "-m", "helpdesk.bench.knockers"],
        cwd=ROOT,
        input=json.dumps(told) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answered: dict[str, Any] = json.loads(done.stdout)
    return {**answered, "cpu": (processor_ms(web) or 0.0) - began}


def _figures(told: dict[str, Any]) -> dict[str, Any]:
    refused = sum(n for status, n in told["statuses"].items() if not status.startswith("2"))
    sorts = {sort: _spread(times) for sort, times in told["times"].items()}
    every = [one for times in told["times"].values() for one in times]
    return {
        **sorts,
        "all": _spread(every),
        "calls": told["count"],
        "refused": refused,
        "web_cpu_ms": round(told["cpu"] / told["count"], 2),
        "per_second": round(told["count"] / told["took"], 1),
    }


def _spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    p99 = round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 2)
    return {**percentiles(ordered), "p99_ms": p99}


def _drained(newest: int) -> dict[str, float]:
    """With workers of both queues: how long it took, at most DRAIN_SECONDS, how many are `left`
    then, and how many ended otherwise than threaded."""
    brought, waiting = Item.objects.filter(pk__gt=newest), Item.objects.waiting()
    count = waiting.count()
    began = time.monotonic()
    with _workers():
        left = _worked_off(waiting, count, until=began + DRAIN_SECONDS)
        took = time.monotonic() - began
    return {
        "items": count,
        "left": left,
        "seconds": round(took, 1),
        "per_second": round((count - left) / took, 1),
        "not_threaded": brought.exclude(state=ItemState.THREADED).count(),
    }


def _worked_off(waiting: QuerySet[Item], left: int, *, until: float) -> int:
    """Wake the workers until nothing is left, time is up, or nothing moves. Returns how many are
    left."""
    moved = time.monotonic()
    while left and time.monotonic() < min(until, moved + STUCK_AFTER):
        for queue, task in receive.PROCESS_TASKS.items():
            wake(task, queue=queue)
        time.sleep(WAKE_EVERY)
        before, left = left, waiting.count()
        moved = time.monotonic() if left < before else moved
    return left


@contextmanager
def _workers() -> Iterator[None]:
    environment = {**os.environ, "DB_POOL_SIZE": "12"}
    started = [
        subprocess.Popen(
            [sys.executable, "manage.py", "worker", "--queue", queue], cwd=ROOT, env=environment
        )
        for queue in ("fast", "slow")
    ]
    try:
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(40)


def _newest() -> int:
    return Item.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
