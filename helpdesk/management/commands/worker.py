"""`manage.py worker`: run the tasks of one queue."""

from argparse import ArgumentParser
from socket import gethostname
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Runs until SIGTERM, then finishes the tasks it has begun."""

    help = "Run the tasks of one queue."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which queue, and how many tasks at once."""
        parser.add_argument("--queue", choices=("fast", "slow"), required=True)
        parser.add_argument("--concurrency", type=int, default=10)

    def handle(self, *args: Any, queue: str, concurrency: int, **options: Any) -> None:
        """Run Celery with threads, leaving signs of life beside it."""
        from helpdesk import heartbeats
        from helpdesk.celery import app

        worker = app.Worker(
            hostname=f"{queue}@{gethostname()}",
            queues=[queue],
            pool="threads",
            concurrency=concurrency,
            loglevel="WARNING",
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        stop = heartbeats.start(f"worker-{queue}")
        worker.start()
        stop.set()
        raise SystemExit(worker.exitcode)
