"""Asking a worker to look at the rows now. A hint: without it the next sweep finds them."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from celery import current_app
from django.db import transaction

if TYPE_CHECKING:
    from conversations.models import Team

log = structlog.get_logger(__name__)

ASSIGN: Final = "conversations.assign"
# Whoever hands messages to providers listens to this name.
SEND: Final = "channels_inbox.deliver"
LASTS_SECONDS: Final = 20
PAUSE_SECONDS: Final = 0.05
# How many may go before each has to wait for its pause. Calls that come about as often as that, now
# and then a little late, would else all be late by the most that one of them ever was.
BURST: Final = 5

Wake = tuple[str, str, tuple[int, ...]]
"""Queue, task and its row ids."""


class Pace:
    """When a wake-up may go again: BURST of them at once, then one every `PAUSE_SECONDS`."""

    def __init__(self) -> None:
        self._from: dict[Wake, float] = {}

    def rests_until(self, wake: Wake) -> float:
        return self._from.get(wake, 0.0)

    def went(self, wake: Wake, now: float) -> None:
        full = now - PAUSE_SECONDS * (BURST - 1)
        known = {one: at for one, at in self._from.items() if at > full}
        self._from = {**known, wake: max(known.get(wake, full), full) + PAUSE_SECONDS}


class Waker:
    """Sends wake-ups from a thread of its own, so that a broker that is down holds nobody up.

    The first ones go at once. While the same is asked for again and again, as in a flood, they go
    at a `Pace`: a worker that is awake looks until there is nothing left.
    """

    def __init__(self) -> None:
        self._due: dict[Wake, float] = {}
        self._pace = Pace()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def ask(self, wake: Wake) -> None:
        with self._changed:
            if wake in self._due:
                return
            self._due[wake] = self._pace.rests_until(wake)
            self._changed.notify()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._send_all, name="waker", daemon=True)
                self._thread.start()

    def _send_all(self) -> None:
        while True:
            with self._changed:
                wake = self._next()
            _send(wake)

    def _next(self) -> Wake:
        while True:
            now = time.monotonic()
            for wake, at in self._due.items():
                if at <= now:
                    del self._due[wake]
                    self._pace.went(wake, now)
                    return wake
            soonest = min(self._due.values(), default=None)
            self._changed.wait(None if soonest is None else soonest - now)


def wake(task: str, *ids: int, queue: str = "slow") -> None:
    """Once this transaction is committed, have a task run soon by the workers of a queue ("fast" or
    "slow"). Never raises, never waits."""
    transaction.on_commit(partial(_waker.ask, (queue, task, ids)), robust=True)


def assign_in(team: Team) -> None:
    """Something in this team waits for somebody, or somebody in it has room again."""
    if team.assigns_itself:
        wake(ASSIGN, queue="fast")


def _send(wake: Wake) -> None:
    queue, task, ids = wake
    try:
        current_app.send_task(task, args=ids, queue=queue, expires=LASTS_SECONDS, retry=False)
    except Exception as error:  # noqa: BLE001 - the broker's errors are of many kinds, none matters
        log.warning("wake_lost", task=task, error=type(error).__name__)


_waker = Waker()
