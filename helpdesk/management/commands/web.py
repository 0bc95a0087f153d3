"""`manage.py web`: serve pages, webhooks and sockets."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand


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
        import uvicorn

        from helpdesk.assets import publish

        publish()
        # Django reads forwarded headers itself, and only where TRUSTED_PROXY_COUNT says so.
        uvicorn.run(
            "helpdesk.asgi:application",
            host=host,
            port=port,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            ws_max_size=64 * 1024,
        )
