"""`manage.py beat`: wake the workers on time, and listen to mailboxes and providers for them."""

import logging
import signal
import threading
from importlib import import_module
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

RETRY_LISTENER = 5.0
LISTENERS = ("channels_inbox.email.listener", "channels_inbox.hearing")

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Runs until SIGTERM. The schedule lives in memory: what is due is kept in rows."""

    help = "Wake the workers on time, and listen to mailboxes."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Run Celery's clock here and the mailbox listener beside it."""
        from celery.beat import Service

        from helpdesk import heartbeats
        from helpdesk.celery import app

        clock = Service(app, max_interval=1, scheduler_cls="celery.beat:Scheduler")
        stop = heartbeats.start("beat")
        listeners = [
            threading.Thread(target=listen, args=(module, stop), name=module, daemon=True)
            for module in LISTENERS
        ]

        def finish(signum: int, frame: FrameType | None) -> None:
            stop.set()
            clock.stop()

        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, finish)
        for listener in listeners:
            listener.start()
        clock.start()
        for listener in listeners:
            listener.join(3)


def listen(module: str, stop: threading.Event) -> None:
    """Run a listener until `stop` is set, again after a pause when it fails."""
    listener = import_module(module)
    while not stop.is_set():
        try:
            listener.run(stop)
        except Exception:
            logger.exception("%s failed; what comes in is still read on schedule", module)
        stop.wait(RETRY_LISTENER)
