"""`manage.py bench ingest|desk`: how fast the desk is, against a floor measured in the same run."""

import json
import logging
import os
from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Writes made-up mail and replies into the desk it measures: never run it on a desk in use."""

    help = "Measure a seeded desk. It adds made-up messages: not for a desk in use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to measure, and how often."""
        parser.add_argument("what", choices=("ingest", "desk"))
        parser.add_argument("--json", action="store_true", help="print one JSON object only")
        parser.add_argument("--count", type=int, default=100, help="calls of each sort in a round")
        parser.add_argument("--rounds", type=int, default=5)
        parser.add_argument("--alone", action="store_true", help="without a small desk beside it")
        parser.add_argument("--once", action="store_true", help="only this desk, in this process")
        parser.add_argument("--data", metavar="DIR", help="use the private database in this folder")

    def handle(self, *args: Any, what: str, count: int, rounds: int, **options: Any) -> None:
        """Measure and print."""
        from helpdesk.bench.ingest import NotSeeded
        from helpdesk.bench.runs import RunFailed, run

        if options["data"]:
            raise CommandError(
                "DATABASE_URL is set. Unset it, and --data starts a private database."
            )
        if count < 1 or rounds < 1:
            raise CommandError("--count and --rounds must be 1 or more.")
        say = (lambda text: None) if options["json"] else self.stdout.write
        try:
            if options["once"]:
                figures = self._once(what, count)
            else:
                figures = run(what, count=count, rounds=rounds, alone=options["alone"], say=say)
        except NotSeeded:
            raise CommandError(
                "There is no seeded desk here. Run `manage.py seed` first."
            ) from None
        except RunFailed as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            self._tell(figures)

    def _once(self, what: str, count: int) -> dict[str, Any]:
        """One round in this process, quiet, with the tasks that a worker knows."""
        from helpdesk.bench import desk, ingest
        from helpdesk.celery import app

        logging.disable(logging.WARNING)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        app.loader.import_default_modules()
        measure = ingest.measure if what == "ingest" else desk.measure
        return measure(count, seed=os.getpid())

    def _tell(self, figures: dict[str, Any]) -> None:
        for goal in figures.pop("reach", []):
            sign = "ok  " if goal["ok"] else "MISS"
            self.stdout.write(
                f"{sign} {goal['what']:<45} {goal['value']:>10}  (goal {goal['goal']})"
            )
        self.stdout.write(json.dumps(figures, indent=2))
