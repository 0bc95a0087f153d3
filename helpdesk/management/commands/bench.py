"""`manage.py bench ingest|desk|live|handoff|memory|hook|channels|console`: how fast the desk is,
most of it against a floor measured in the same run."""

import json
import logging
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError

WHAT = ("ingest", "desk", "live", "handoff", "memory", "hook", "channels", "console")


@contextmanager
def quiet() -> Iterator[None]:
    """Errors only: lines of the desk's life would be measured along with it."""
    kept, level = structlog.get_config(), logging.root.manager.disable
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**kept)
        logging.disable(level)


class Command(BaseCommand):
    """Writes made-up mail and replies into the desk it measures: never run it on a desk in use."""

    help = "Measure a seeded desk. It adds made-up messages: not for a desk in use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to measure, and how often."""
        parser.add_argument("what", choices=WHAT)
        parser.add_argument("--json", action="store_true", help="print one JSON object only")
        parser.add_argument("--count", type=int, default=100, help="calls of each sort in a round")
        parser.add_argument("--rounds", type=int, default=5)
        parser.add_argument("--seconds", type=int, default=60, help="how long a flood lasts (hook)")
        parser.add_argument("--mails", type=int, default=50_000, help="that wait (channels)")
        parser.add_argument("--alone", action="store_true", help="without a small desk beside it")
        parser.add_argument("--once", action="store_true", help="only this desk, in this process")
        parser.add_argument("--data", metavar="DIR", help="use the private database in this folder")

    def handle(self, *args: Any, what: str, count: int, rounds: int, **options: Any) -> None:
        """Measure and print."""
        from helpdesk.bench.ingest import NotSeeded
        from helpdesk.bench.runs import RunFailed, run, run_alone

        if options["data"]:
            raise CommandError(
                "DATABASE_URL is set. Unset it, and --data starts a private database."
            )
        if count < 1 or rounds < 1:
            raise CommandError("--count and --rounds must be 1 or more.")
        say = (lambda text: None) if options["json"] else self.stdout.write
        try:
            if what == "hook":
                figures = self._flood(count, options["seconds"])
            elif what == "channels":
                figures = self._passing(count, options["mails"])
            elif what == "console":
                figures = self._in_a_browser(count)
            elif options["once"]:
                figures = self._once(what, count)
            elif what in ("live", "handoff", "memory"):
                figures = run_alone(what, count=count, rounds=rounds, say=say)
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

    def _in_a_browser(self, count: int) -> dict[str, Any]:
        """Without a browser nothing is measured but what the scripts weigh, and that is said."""
        from helpdesk.bench import console
        from helpdesk.bench.reach import judged

        try:
            with quiet():
                figures = console.measure(count, seed=os.getpid())
        except console.NoBrowser as error:
            return {"what": "console", "skipped": str(error), **console.sizes()}
        except console.NeverCame as error:
            raise CommandError(str(error)) from None
        return {"what": "console", **figures, "reach": judged("console", figures)}

    def _flood(self, count: int, seconds: int) -> dict[str, Any]:
        """Once is enough of a minute of it; other desks and floors would tell nothing."""
        from helpdesk.bench import hook
        from helpdesk.bench.reach import judged

        with quiet():
            figures = hook.measure(count, seed=os.getpid(), seconds=seconds)
        return {"what": "hook", **figures, "reach": judged("hook", figures)}

    def _passing(self, count: int, mails: int) -> dict[str, Any]:
        """Once, as it brings its floor along."""
        from helpdesk.bench import channels
        from helpdesk.bench.reach import judged
        from helpdesk.celery import app

        app.loader.import_default_modules()
        with quiet():
            figures = channels.measure(count, seed=os.getpid(), mails=mails)
        return {"what": "channels", **figures, "reach": judged("channels", figures)}

    def _once(self, what: str, count: int) -> dict[str, Any]:
        """One round in this process, quiet, with the tasks that a worker knows."""
        from helpdesk.bench import desk, handoff, ingest, live, memory
        from helpdesk.celery import app

        app.loader.import_default_modules()
        measures = {
            "ingest": ingest.measure,
            "desk": desk.measure,
            "live": live.measure,
            "handoff": handoff.measure,
            "memory": memory.measure,
        }
        with quiet():
            return measures[what](count, seed=os.getpid())

    def _tell(self, figures: dict[str, Any]) -> None:
        for goal in figures.pop("reach", []):
            sign = "ok  " if goal["ok"] else "MISS"
            self.stdout.write(
                f"{sign} {goal['what']:<45} {goal['value']:>10}  (goal {goal['goal']})"
            )
        self.stdout.write(json.dumps(figures, indent=2))
