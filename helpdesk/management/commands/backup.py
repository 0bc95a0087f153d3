"""`manage.py backup FILE`: all of the desk in one file, while it runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """The file holds every message and every key: whoever has it can read all and sign as us."""

    help = "Write rows, files and keys of this desk to one file. It holds secrets: guard it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("file", type=Path, help="a new file; only you may read it")
        parser.add_argument("--data", metavar="DIR", help="the private copy in this folder")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Write it and say what is in it."""
        from helpdesk.backup.archive import BackupError
        from helpdesk.backup.take import take

        try:
            taken = take(file, self.stdout.write)
        except BackupError as error:
            raise CommandError(str(error)) from None
        for key in taken.gone:
            self.stderr.write(f"Missing: a row names the file {key}, but it is not there.")
        self.stdout.write(
            f"{file} holds all messages and the keys of this desk: whoever has it can read"
            " everything. Keep it where nobody else gets at it, and try it out with restore."
        )
