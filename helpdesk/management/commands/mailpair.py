"""`manage.py mailpair`: the demo's mail servers."""

import asyncio
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Serves SMTP and IMAP on this machine until SIGTERM."""

    help = "Run the demo's mail servers, on this machine only."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen and where to keep the mails."""
        parser.add_argument("--smtp-port", type=int, required=True)
        parser.add_argument("--imap-port", type=int, required=True)
        parser.add_argument("--data", type=Path, required=True)

    def handle(
        self, *args: Any, smtp_port: int, imap_port: int, data: Path, **options: Any
    ) -> None:
        """Serve both protocols."""
        from helpdesk.mailpair import serve

        asyncio.run(serve(smtp_port, imap_port, data))
