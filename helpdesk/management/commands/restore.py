"""`manage.py restore FILE`: the desk becomes what it was when the backup was made."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Touches nothing before the file was read whole and everything speaks for it."""

    help = "Replace this desk by the one in a backup."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """From where, and how sure."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--force", action="store_true", help="replace a desk that is in use")
        parser.add_argument(
            "--check", action="store_true", help="only read the file and say what is in it"
        )
        parser.add_argument(
            "--keys", type=Path, metavar="PATH", help="only write its keys to a new file"
        )
        parser.add_argument("--data", metavar="DIR", help="the private copy in this folder")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Say what will be done, and do it."""
        from helpdesk.backup.archive import BackupError

        try:
            self._go(file, **options)
        except BackupError as error:
            raise CommandError(str(error)) from None

    def _go(self, file: Path, *, force: bool, check: bool, keys: Path | None, **rest: Any) -> None:
        from helpdesk.backup import keyring
        from helpdesk.backup.archive import Archive
        from helpdesk.backup.put_back import put_back

        archive = Archive(file)
        if keys:
            keyring.write(keys, archive.keys)
            self.stdout.write(
                f"{keys} holds the keys. Whoever has them can read what is encrypted."
            )
            return
        about = archive.about
        self.stdout.write(f"{file}: the desk of {about['of']} as it was at {about['made_at']}.")
        if check:
            archive.verify()
            rows = sum(count for count, _digest in archive.manifest["tables"].values())
            self.stdout.write(
                f"It is whole: {rows:,} rows, {len(archive.manifest['members']):,} parts."
            )
            return
        self.stdout.write("The database will be emptied and filled from it; files come back too.")
        put_back(archive, force=force, say=self.stdout.write)
        self.stdout.write(f"Done. Everybody signs in anew. {_next()}")


def _next() -> str:
    if settings.LOCAL:
        return f"Start it with: manage.py up --data {settings.DATA_DIR}"
    return "Start web, workers and beat; run doctor."
