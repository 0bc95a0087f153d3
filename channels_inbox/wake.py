"""Asking a worker to look at the rows now. A hint: without it the next sweep finds them."""

from __future__ import annotations

import threading
from functools import partial
from queue import SimpleQueue
from typing import Final

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger(__name__)

LASTS_SECONDS: Final = 20

FAST: Final = frozenset(
    {"channels_inbox.process", "channels_inbox.deliver_fast", "channels_inbox.chat_sweep"}
)
"""Tasks of the fast workers; all others are of the slow ones."""

Wake = tuple[str, tuple[int, ...]]


class Waker:
    """Sends wake-ups from a thread of its own, so that a broker that is down holds nobody up.

    A wake-up that still waits to be sent is not queued a second time.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[Wake] = SimpleQueue()
        self._waiting: set[Wake] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, wake: Wake) -> None:
        with self._lock:
            if wake in self._waiting:
                return
            self._waiting.add(wake)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._send_all, name="waker", daemon=True)
                self._thread.start()
        self._queue.put(wake)

    def _send_all(self) -> None:
        while True:
            wake = self._queue.get()
            with self._lock:
                self._waiting.discard(wake)
            _send(wake)


def wake(task: str, *ids: int) -> None:
    """Once this transaction is committed, have a task run soon. Never raises, never waits."""
    transaction.on_commit(partial(_waker.ask, (task, ids)), robust=True)


def _send(wake: Wake) -> None:
    task, ids = wake
    queue = "fast" if task in FAST else "slow"
    try:
        current_app.send_task(task, args=ids, queue=queue, expires=LASTS_SECONDS, retry=False)
    except Exception as error:  # noqa: BLE001 - the broker's errors are of many kinds, none matters
        log.warning("wake_lost", task=task, error=type(error).__name__)


_waker = Waker()
