"""The only table of this package: what the readiness check writes to."""

from django.db import models


class Probe(models.Model):
    """One row, rewritten by each readiness check to prove that this process can commit."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="probe_one_row")]

    def __str__(self) -> str:
        """When it was written last."""
        return f"probe of {self.at}"
