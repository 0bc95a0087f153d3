from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Q

# In units of an agent's capacity: a chat waits for every answer, a mail for one.
DEFAULT_WEIGHTS: Final = {"chat": 4, "email": 1}
OTHER_WEIGHT: Final = 2
MOST_UNITS: Final = 1000


class ChannelWeight(models.Model):
    """What one conversation on a channel takes of an agent's capacity, where it isn't the
    default."""

    kind = models.CharField(max_length=30, primary_key=True)
    units = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(units__gte=1, units__lte=MOST_UNITS), name="weight_units"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.units}"
