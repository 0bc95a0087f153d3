"""`manage.py prepare`: bring database and static files up to date."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Safe to repeat; what is up to date already is left alone."""

    help = "Migrate the database and publish static files; in the demo, load its data once."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, publish, and fill an empty demo."""
        from helpdesk import heartbeats
        from helpdesk.assets import publish
        from helpdesk.upgrading import migrate

        migrate()
        publish()
        if settings.LOCAL:
            heartbeats.forget()
        if settings.DEMO:
            from helpdesk.demo import data

            data.load_once()
