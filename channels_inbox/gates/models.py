"""What is known of the ways in and out of one inbox."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from conversations.models import Inbox


class Gate(models.Model):
    """How fast an inbox may send, and whether anything passes at all. A row is made when something
    first passes.

    Out: `per_minute` is what an admin allows, None for what is usual there; `tokens` were left at
    `filled_at`; `pace_ms` is how long the provider took to answer of late. `failures` in a row shut
    it (`shut_at`): nothing is sent then, and the provider is asked at `probe_at` whether it is
    back. Shut without a `probe_at` means that it is, and that one message may try.

    In: `in_failures` counts items in a row that could not be read, each once; too many hold the
    inbox's items (`in_shut_at`, with the newest `in_reason`) but for one that tries at
    `in_probe_at`.
    """

    inbox = models.OneToOneField(
        Inbox, primary_key=True, on_delete=models.CASCADE, related_name="gate"
    )
    per_minute = models.IntegerField(null=True)
    tokens = models.FloatField(default=0, db_default=0.0)
    filled_at = models.DateTimeField(db_default=Now())
    pace_ms = models.IntegerField(default=0, db_default=0)
    failures = models.IntegerField(default=0, db_default=0)
    shut_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    in_failures = models.IntegerField(default=0, db_default=0)
    in_shut_at = models.DateTimeField(null=True)
    in_probe_at = models.DateTimeField(null=True)
    in_reason = models.CharField(max_length=500, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"gate of {self.inbox_id}"
