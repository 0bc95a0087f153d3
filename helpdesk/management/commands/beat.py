"""`manage.py beat`: wake the workers on time, and listen to mailboxes for them."""

import logging
import signal
import threading
from importlib.util import find_spec
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

RETRY_LISTENER = 5.0

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
        listener = threading.Thread(target=listen, args=(stop,), name="listener", daemon=True)

        def finish(signum: int, frame: FrameType | None) -> None:
            stop.set()
            clock.stop()

        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, finish)
        listener.start()
        clock.start()
        listener.join(3)


def listen(stop: threading.Event) -> None:
    """Run the mailbox listener until `stop` is set, again after a pause when it fails."""
    if find_spec("channels_inbox.email.listener") is None:
        return
    from channels_inbox.email import listener

    while not stop.is_set():
        try:
            listener.run(stop)
        except Exception:
            logger.exception("the mailbox listener failed; mail is still pulled on schedule")
        stop.wait(RETRY_LISTENER)
