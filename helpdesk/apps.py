"""Django's view of this package."""

from django.apps import AppConfig


class HelpdeskConfig(AppConfig):
    """Loads the Celery application, so that tasks anywhere find it."""

    name = "helpdesk"

    def ready(self) -> None:
        """Make our Celery application the current one."""
        from helpdesk import celery  # noqa: F401
