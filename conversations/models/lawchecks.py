from __future__ import annotations

from django.db import models
from django.db.models import Q


class CheckSort(models.TextChoices):
    UNRESOLVED = "unresolved"
    WHOLE = "whole"


class LawCheck(models.Model):
    """When the laws of ownership and handoff were looked at last, and which tickets (by id) broke
    which (by its key) then. `took` is in seconds; a look at the whole history that is under way has
    `reached` this ticket, and found what it has `so_far`."""

    sort = models.CharField(max_length=10, primary_key=True, choices=CheckSort.choices)
    checked_at = models.DateTimeField(null=True)
    took = models.FloatField(default=0.0)
    broken = models.JSONField(default=dict)
    reached = models.BigIntegerField(default=0)
    so_far = models.JSONField(default=dict)
    took_so_far = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sort__in=CheckSort.values), name="law_check_sort")
        ]

    def __str__(self) -> str:
        return f"{self.sort} at {self.checked_at}"
