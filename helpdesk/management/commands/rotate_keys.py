"""`manage.py rotate_keys`: every stored secret under the newest key."""

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Safe to repeat and while the desk runs; what the newest key has sealed is left alone."""

    help = "Seal all stored secrets with the first of FIELD_ENCRYPTION_KEYS, and say how many."

    def handle(self, *args: Any, **options: Any) -> None:
        """Of inboxes, webhooks and second factors."""
        from channels_inbox import vault
        from helpdesk import accounts

        rotation = vault.Rotation()
        vault.rotate(rotation)
        accounts.rotate(rotation)
        self.stdout.write(f"{rotation.anew} secrets sealed with the newest key.")
        if rotation.closed:
            self.stdout.write(f"{rotation.closed} can't be opened by any of the keys.")
            raise SystemExit(1)
