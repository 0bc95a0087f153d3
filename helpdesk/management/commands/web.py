"""`manage.py web`: serve pages, webhooks and sockets."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

NOT_STARTED = 3


class Command(BaseCommand):
    """Serves until SIGTERM, then finishes what it has begun for a few seconds."""

    help = "Serve pages, webhooks and sockets."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen; behind a proxy, keep to an address only the proxy reaches."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        """Publish static files where they changed, then serve."""
        from helpdesk.assets import publish
        from helpdesk.serving import Server

        publish()
        server = Server.at(host, port)
        server.run()
        if not server.started:
            raise SystemExit(NOT_STARTED)
