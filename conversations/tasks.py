"""Wake-ups by the clock: held replies go out, sleeping tickets wake."""

from __future__ import annotations

from celery import shared_task

from conversations import replies, tickets


@shared_task(name="conversations.sweep", queue="fast")
def sweep() -> None:
    replies.release_due()
    tickets.wake_due()
