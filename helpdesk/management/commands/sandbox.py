"""`manage.py sandbox`: the demo's stand-ins of providers."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Serves until SIGTERM."""

    help = "Run the demo's stand-ins of providers, on this machine only."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen: for the page, then for each account; and where to keep what was said."""
        parser.add_argument("--ports", type=int, nargs="+", required=True)
        parser.add_argument("--data", type=Path, required=True)

    def handle(self, *args: Any, ports: list[int], data: Path, **options: Any) -> None:
        """Serve them all."""
        from helpdesk.sandbox.exchange import serve

        serve(ports, data / "phones.pickle")
