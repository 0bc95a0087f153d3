"""The Celery application: two queues, tasks that only wake us up."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
# Checks belong to deployment; here they would load every page and form into each worker.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("helpdesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

from helpdesk import tracing  # noqa: E402, F401 - names and counts every run of a task
