"""What the clock wakes in the demo only."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings


@shared_task(name="helpdesk.lively", queue="slow")
def lively() -> None:
    """Those who act by script do one thing."""
    if settings.DEMO:
        from helpdesk.demo import lively

        lively.act()
