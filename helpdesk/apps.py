"""Django's view of this package."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings


class HelpdeskConfig(AppConfig):
    """Loads the Celery application, so that tasks find it, and readies the translations."""

    name = "helpdesk"

    def ready(self) -> None:
        """Make our Celery application the current one, and compile what was translated."""
        from helpdesk import celery, translations  # noqa: F401

        for folder in settings.LOCALE_PATHS:
            translations.compile_messages(Path(folder))
