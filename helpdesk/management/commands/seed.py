"""`manage.py seed`: fill an empty desk with a large made-up history."""

from argparse import ArgumentParser
from dataclasses import fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from helpdesk.seeding.plan import ImpossiblePlan, Plan


class Command(BaseCommand):
    """All of it in one transaction: a run that is broken off leaves nothing behind."""

    help = "Fill an empty desk with a large made-up history, to measure on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much of everything."""
        for field in fields(Plan):
            parser.add_argument(f"--{field.name}", type=int, default=field.default)
        parser.add_argument("--force", action="store_true", help="add to a desk in use")
        parser.add_argument("--data", metavar="DIR", help="use the private database in this folder")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load the plan and say what was made."""
        from helpdesk.seeding.load import NotEmpty, load

        if options["data"]:
            raise CommandError(
                "DATABASE_URL is set. Unset it, and --data starts a private database."
            )
        plan = Plan(**{field.name: options[field.name] for field in fields(Plan)})
        try:
            figures = load(plan, self.stdout.write, force=options["force"])
        except ImpossiblePlan as error:
            raise CommandError(str(error)) from None
        except NotEmpty:
            raise CommandError(
                "There are conversations here already. Use an empty desk, or add to this one with"
                " --force."
            ) from None
        for table, count in figures.rows.items():
            self.stdout.write(f"{count:>11,}  {table.removeprefix('conversations_')}")
        self.stdout.write(f"{sum(figures.seconds.values()):9.1f} s in all")
