"""Wake-ups by the clock: held replies go out, sleeping tickets wake, old keys are forgotten,
transcripts are made."""

from __future__ import annotations

import threading
from contextlib import suppress

from celery import current_app, shared_task

from conversations import api_tokens, exports, replies, tickets
from conversations.views.transcript_files import WRITERS


@shared_task(name="conversations.sweep", queue="fast")
def sweep() -> None:
    replies.release_due()
    tickets.wake_due()


@shared_task(name="conversations.forget_old_keys", queue="slow")
def forget_old_keys() -> None:
    api_tokens.forget_old_keys()


@shared_task(name="conversations.make_exports", queue="slow")
def make_exports() -> None:
    """One at a time in each process, so that the others of its threads are left for mail."""
    if _exporting.acquire(blocking=False):
        try:
            exports.expire()
            exports.make_waiting(WRITERS)
        finally:
            _exporting.release()


def hint_exports() -> None:
    """Have them made now rather than at the next beat. Never waits for a broker that is down."""
    threading.Thread(target=_send_hint, daemon=True).start()


def _send_hint() -> None:
    with suppress(Exception):
        current_app.send_task(
            "conversations.make_exports", queue="slow", expires=HINT_LASTS_SECONDS, retry=False
        )


HINT_LASTS_SECONDS = 20
_exporting = threading.Lock()
